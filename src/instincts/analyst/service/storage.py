"""Trees, verdicts and policies in a database: SQLite in a file, or PostgreSQL by URL.

What was written is on the disk when `write` returns: SQLite with a write-ahead log and `synchronous=FULL`, so that
neither a kill nor a power cut takes it back; with `NORMAL`, on request, only a power cut can. Rows that come at the
same time share a commit. A locked or absent database is tried again until the patience ends, then the cause is
`store_down`. Knows no HTTP and no model.
"""

import asyncio
import contextlib
import os
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from sqlalchemy import Connection, Engine, Table, bindparam, create_engine, event, make_url, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from instincts.analyst.lines import encode
from instincts.analyst.service.rows import TreeRow, VerdictRow, without_words
from instincts.analyst.service.schema import POLICIES, TENANTS, TREES, VERDICTS, migrate
from instincts.errors import ConfigError, NoVerdictError, RecordError

__all__ = ["PolicyRow", "Store", "open_store"]

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class PolicyRow:
    """One version of a tenant's policy."""

    tenant: str
    name: str
    version: str
    digest: str
    body: str
    """TOML."""
    created: float


@dataclass
class _Write:
    statements: list[tuple[Table, dict[str, Any]]]
    until: float
    done: "asyncio.Future[None]"


class Store:
    """The database of one service; `open_store` makes one."""

    def __init__(self, engine: Engine, patience: float) -> None:
        """Take an engine whose tables exist."""
        self._engine = engine
        self._patience = patience
        self._writes: asyncio.Queue[_Write | None] = asyncio.Queue()
        self._writer: asyncio.Task[None] | None = None
        self._keys: dict[str, bytes] = {}

    async def write(self, *rows: TreeRow | VerdictRow) -> None:
        """Keep rows; they are on the disk when this returns.

        Raises:
            NoVerdictError: `store_down`.
        """
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_groups())
        statements = [(TREES if isinstance(row, TreeRow) else VERDICTS, row.to_columns()) for row in rows]
        done = asyncio.get_running_loop().create_future()
        self._writes.put_nowait(_Write(statements, time.monotonic() + self._patience, done))
        # Waited for beside the writer, so that nobody waits for ever where it fails on what no database takes. One who
        # gives up waiting takes nothing out of a group that is being written.
        await asyncio.wait((done, self._writer), return_when=asyncio.FIRST_COMPLETED)
        if not done.done():
            raise NoVerdictError("store_down", "a row could not be written")
        done.result()

    async def close(self) -> None:
        """Write what waits, then let go of the database."""
        if self._writer is not None:
            self._writes.put_nowait(None)
            await asyncio.wait((self._writer,))
        self._engine.dispose()

    async def key(self, tenant: str) -> bytes:
        """Give the key of a tenant's hashes, made at the first call.

        Raises:
            NoVerdictError: `store_down`.
        """
        if tenant not in self._keys:
            self._keys[tenant] = await self._try(lambda connection: _key(connection, tenant))
        return self._keys[tenant]

    async def find(self, tenant: str, prompt_hmac: str, subject: str, analyst: str) -> TreeRow | None:
        """Give the tree of a text that was seen before."""
        values = {"tenant": tenant, "prompt_hmac": prompt_hmac, "subject": subject, "analyst": analyst}
        rows = await self._try(lambda connection: _trees(connection, _SEEN, values))
        return rows[0] if rows else None

    async def trees(self, tenant: str, ids: Sequence[str]) -> list[TreeRow]:
        """Give those of a tenant's trees that have one of these ids, in the order of the ids."""
        wanted = select(TREES).where(TREES.c.tenant == tenant, TREES.c.id.in_(list(ids)))
        found = {row.id: row for row in await self._try(lambda connection: _trees(connection, wanted))}
        return [found[each] for each in ids if each in found]

    async def newest(self, tenant: str, most: int) -> list[TreeRow]:
        """Give a tenant's newest trees, the newest first."""
        wanted = select(TREES).where(TREES.c.tenant == tenant).order_by(TREES.c.created.desc(), TREES.c.id).limit(most)
        return await self._try(lambda connection: _trees(connection, wanted))

    async def policies(self) -> list[PolicyRow]:
        """Give every version of every policy, oldest first."""
        wanted = select(POLICIES).order_by(POLICIES.c.created)
        rows = await self._try(lambda connection: connection.execute(wanted).mappings().all())
        return [PolicyRow(**row) for row in rows]

    async def publish(self, row: PolicyRow) -> bool:
        """Keep a version of a policy; false where that version is there already."""
        return await self._try(lambda connection: _publish(connection, row))

    async def ping(self) -> None:
        """Ask the database something.

        Raises:
            NoVerdictError: `store_down`.
        """
        await self._try(lambda connection: connection.execute(select(1)).scalar_one(), patience=1.0)

    async def forget_texts(self) -> int:
        """Take out the words whose time has come; gives how many trees lost theirs."""
        return await self._try(_forget_texts)

    async def _try(self, work: Callable[[Connection], T], patience: float | None = None) -> T:
        until = time.monotonic() + (self._patience if patience is None else patience)
        while True:
            try:
                return await asyncio.to_thread(self._work, work)
            except SQLAlchemyError as error:
                if time.monotonic() > until or not _may_pass(error):
                    raise _store_down(error) from None
            await asyncio.sleep(_PAUSE)

    def _work(self, work: Callable[[Connection], T]) -> T:
        with self._engine.begin() as connection:
            return work(connection)

    async def _write_groups(self) -> None:
        ended = False
        while not ended:
            group: list[_Write] = []
            first = await self._writes.get()
            for each in (first, *self._at_hand()):
                if each is None:
                    ended = True
                else:
                    group.append(each)
            while group:
                try:
                    await asyncio.to_thread(self._work, lambda connection, now=tuple(group): _write(connection, now))
                except SQLAlchemyError as error:
                    late = [each for each in group if time.monotonic() > each.until or not _may_pass(error)]
                    _settle(late, _store_down(error))
                    group = [each for each in group if each not in late]
                    if group:
                        await asyncio.sleep(_PAUSE)
                else:
                    _settle(group, None)
                    group = []

    def _at_hand(self) -> Iterator[_Write | None]:
        for _ in range(_GROUP - 1):
            if self._writes.empty():
                return
            yield self._writes.get_nowait()


def open_store(url: str, *, patience: float = 5.0, synchronous: Literal["full", "normal"] = "full") -> Store:
    """Open a database and bring its tables to this version.

    Args:
        url: `sqlite:///FILE` or `postgresql://USER@HOST/NAME`.
        patience: seconds that a locked or absent database may stay so.
        synchronous: of SQLite; PostgreSQL does as it is set up.

    Raises:
        ConfigError: the URL is none of these.
        RecordError: the database does not open.
    """
    try:
        address = make_url(url)
    except ArgumentError:
        raise ConfigError(f"--db {url!r} is no database URL; write sqlite:///FILE or postgresql://...") from None
    if address.get_backend_name() == "postgresql":
        address = address.set(drivername="postgresql+psycopg")
    elif address.drivername != "sqlite" or not address.database or address.database == ":memory:":
        raise ConfigError(f"--db {url!r}: write sqlite:///FILE or postgresql://USER@HOST/NAME")
    shown = address.render_as_string(hide_password=True)
    try:
        engine = _engine(address, patience, synchronous)
        with engine.begin() as connection:
            migrate(connection)
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        raise ConfigError(f"--db {shown} needs its driver: pip install 'instincts[serve]' ({error})") from None
    except SQLAlchemyError as error:
        raise RecordError(f"the database {shown} does not open: {_in_words(error)}") from None
    return Store(engine, patience)


def _engine(address: Any, patience: float, synchronous: str) -> Engine:
    if address.get_backend_name() == "postgresql":
        # Asked before use, so that a server that was restarted costs no request.
        options = {"connect_timeout": max(2, int(patience))}
        return create_engine(address, pool_pre_ping=True, pool_size=8, max_overflow=32, connect_args=options)
    if not os.path.exists(address.database):
        with contextlib.suppress(FileExistsError, OSError):
            os.close(os.open(address.database, os.O_CREAT | os.O_EXCL, 0o600))
    engine = create_engine(address, pool_size=8, max_overflow=32, connect_args={"timeout": min(patience, 5.0)})

    def prepare(connection: Any, _: Any) -> None:
        # SQLAlchemy begins, not the driver: that one would begin late, and lock late.
        connection.isolation_level = None
        for pragma in (
            "journal_mode=WAL",
            f"synchronous={synchronous}",
            f"busy_timeout={int(min(patience, 5.0) * 1000)}",
        ):
            connection.execute(f"PRAGMA {pragma}").close()

    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    return engine


def _insert(connection: Connection, table: Table) -> Any:
    # A row that is there already stays: two workers may have grown the same tree.
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table).on_conflict_do_nothing()
    return sqlite.insert(table).on_conflict_do_nothing()


def _write(connection: Connection, group: Sequence[_Write]) -> None:
    for table in (TREES, VERDICTS):
        rows = [row for each in group for of, row in each.statements if of is table]
        if rows:
            connection.execute(_insert(connection, table), rows)


def _settle(group: Sequence[_Write], error: NoVerdictError | None) -> None:
    for each in group:
        if each.done.done():
            continue
        if error is None:
            each.done.set_result(None)
        else:
            each.done.set_exception(error)


def _key(connection: Connection, tenant: str) -> bytes:
    connection.execute(_insert(connection, TENANTS), {"name": tenant, "hash_key": secrets.token_bytes(32)})
    return bytes(connection.execute(select(TENANTS.c.hash_key).where(TENANTS.c.name == tenant)).scalar_one())


def _publish(connection: Connection, row: PolicyRow) -> bool:
    same = (POLICIES.c.tenant == row.tenant, POLICIES.c.name == row.name, POLICIES.c.version == row.version)
    if connection.execute(select(POLICIES.c.digest).where(*same)).scalar() is not None:
        return False
    return connection.execute(_insert(connection, POLICIES), dict(vars(row))).rowcount == 1


def _trees(connection: Connection, wanted: Any, values: Mapping[str, str] | None = None) -> list[TreeRow]:
    found = connection.execute(wanted, values or {}).mappings()
    return [TreeRow(**{**row, "codes": bytes(row["codes"])}) for row in found]


def _forget_texts(connection: Connection) -> int:
    rows = _trees(connection, select(TREES).where(TREES.c.text_until < time.time()))
    for row in rows:
        bare = {"lines": encode(without_words(row.tree)), "prompt": None, "text_until": None}
        connection.execute(update(TREES).where(TREES.c.id == row.id).values(bare))
    return len(rows)


def _may_pass(error: SQLAlchemyError) -> bool:
    # Locked, disconnected, full, or restarting. A value that no column takes will be refused again.
    return type(error).__name__ in ("OperationalError", "InterfaceError", "TimeoutError", "InternalError")


def _store_down(error: SQLAlchemyError) -> NoVerdictError:
    return NoVerdictError("store_down", f"the database did not take it: {_in_words(error)}")


def _in_words(error: SQLAlchemyError) -> str:
    # Only the driver's own first line: SQLAlchemy's text holds the statement with its values.
    return str(getattr(error, "orig", None) or type(error).__name__).splitlines()[0]


_SEEN = select(TREES).where(
    *(TREES.c[name] == bindparam(name) for name in ("tenant", "prompt_hmac", "subject", "analyst"))
)
"""Asked for every new text, so it is put together once."""
_GROUP = 64
"""Most requests that share a commit."""
_PAUSE = 0.05
"""Seconds between two tries."""

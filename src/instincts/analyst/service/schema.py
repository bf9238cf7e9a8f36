"""The tables, and how an older database becomes a newer one: numbered steps, one process at a time."""

from collections.abc import Callable

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Float,
    Index,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    text,
)

from instincts.errors import RecordError

__all__ = ["POLICIES", "TENANTS", "TREES", "VERDICTS", "migrate"]

_META = MetaData()

TENANTS = Table(
    "tenants",
    _META,
    Column("name", String(64), primary_key=True),
    # Without it nobody can tell which prompt a row is of: deleting it forgets the tenant.
    Column("hash_key", LargeBinary, nullable=False),
)
TREES = Table(
    "trees",
    _META,
    Column("id", String(40), primary_key=True),
    Column("tenant", String(64), nullable=False),
    Column("prompt_hmac", String(64), nullable=False),
    Column("subject", String(16), nullable=False),
    Column("analyst", String(64), nullable=False),
    Column("created", Float, nullable=False),
    Column("codes", LargeBinary, nullable=False),  # uint16, little endian, sorted
    Column("truncated", Boolean, nullable=False),
    Column("lines", Text, nullable=False),  # without names and sentences, unless text is kept
    Column("prompt", Text),
    Column("text_until", Float),
    Index("trees_seen", "tenant", "prompt_hmac", "subject", "analyst", unique=True),
    Index("trees_newest", "tenant", "created"),
    Index("trees_text", "text_until"),
)
VERDICTS = Table(
    "verdicts",
    _META,
    Column("id", String(40), primary_key=True),
    Column("tenant", String(64), nullable=False),
    Column("tree_id", String(40)),  # absent: no verdict, and `reason` is its cause
    Column("policy", String(64), nullable=False),  # digest
    Column("verdict", String(8), nullable=False),
    Column("score", Float),
    Column("probability", Float),
    Column("reason", String(40), nullable=False),
    Column("tier", String(8), nullable=False),
    Column("seconds", Float, nullable=False),
    Column("created", Float, nullable=False),
    Index("verdicts_newest", "tenant", "created"),
)
POLICIES = Table(
    "policies",
    _META,
    Column("tenant", String(64), primary_key=True),
    Column("name", String(80), primary_key=True),
    Column("version", String(40), primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("body", Text, nullable=False),
    Column("created", Float, nullable=False),
)
_STEPS: tuple[Callable[[Connection], None], ...] = (_META.create_all,)
"""Step N makes version N of version N - 1; a step that was released never changes."""


def migrate(connection: Connection) -> None:
    """Bring a database to this version, inside the transaction of a connection.

    Raises:
        RecordError: it was made by a newer version.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
    connection.execute(
        text("CREATE TABLE IF NOT EXISTS schema_version (one INTEGER PRIMARY KEY, number INTEGER NOT NULL)")
    )
    # Writes even where nothing changes: that is what makes SQLite lock before the number is read.
    connection.execute(text("INSERT INTO schema_version VALUES (1, 0) ON CONFLICT (one) DO NOTHING"))
    connection.execute(text("UPDATE schema_version SET number = number"))
    number = int(connection.execute(text("SELECT number FROM schema_version")).scalar_one())
    if number > len(_STEPS):
        raise RecordError(
            f"the database is of version {number} and this program knows {len(_STEPS)}; update instincts, or name "
            "another --db"
        )
    for step in _STEPS[number:]:
        step(connection)
    connection.execute(text("UPDATE schema_version SET number = :number"), {"number": len(_STEPS)})


_LOCK = 5_016_665_410
"""Any number, the same for all processes of ours."""

"""What is kept, under SQLite and under a real PostgreSQL: the same rows, the same order, the same refusals."""

import asyncio
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, NamedTuple

import pytest
from hypothesis import given, settings

from instincts.analyst import Forest, Tree, read_policy, score
from instincts.analyst.service.rows import TreeRow, VerdictRow, forest_of, without_words
from instincts.analyst.service.storage import open_store
from instincts.errors import ConfigError, RecordError
from tests.analyst.service.scripted import HARMFUL, asked, grown
from tests.analyst.trees import any_tree


def binaries() -> Path | None:
    """Find the folder of PostgreSQL's programs; Debian keeps them off the path."""
    on_path = shutil.which("initdb")
    folders = [
        *sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True),
        *([Path(on_path).parent] if on_path else []),
    ]
    return next((folder for folder in folders if (folder / "initdb").exists()), None)


BINARIES = binaries()


class Postgres(NamedTuple):
    url: str
    stop: Callable[[], None]
    start: Callable[[], None]


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """A PostgreSQL of its own on a Unix socket alone; pytest's folders have names too long for one."""
    if BINARIES is None:
        pytest.skip("no PostgreSQL on this machine (apt-get install postgresql)")
    programs = BINARIES
    # PostgreSQL does not run as root.
    user: Any = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
    with TemporaryDirectory(prefix="pg-") as name:
        folder = Path(name)
        if user:
            shutil.chown(folder, "postgres", "postgres")

        def do(program: str, *words: str) -> None:
            subprocess.run([programs / program, "-D", folder / "data", *words], check=True, cwd=folder,
                           stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, **user)  # fmt: skip

        def start() -> None:
            do("pg_ctl", "-w", "-l", str(folder / "log"), "-o", f"-k {folder} -c listen_addresses=", "start")

        def stop() -> None:
            do("pg_ctl", "-m", "immediate", "stop")

        do("initdb", "-U", "tester", "--auth=trust", "--no-sync")
        start()
        try:
            yield Postgres(f"postgresql://tester@/postgres?host={folder}", stop, start)
        finally:
            stop()


@pytest.fixture(scope="module")
def postgres(server: Postgres) -> str:
    return server.url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'moderation.db'}"
    return str(request.getfixturevalue("postgres"))


def row(text: str, tenant: str, sha: str, keep_days: int | None = None) -> TreeRow:
    whose = {"tenant": tenant, "prompt_hmac": sha, "analyst": "a" * 64}
    return TreeRow.of(grown(text), subject="prompt", prompt=text, keep_days=keep_days, **whose)


@pytest.mark.anyio
async def test_what_was_written_is_found_again_by_its_owner_alone(url: str, request: pytest.FixtureRequest) -> None:
    name = request.node.name[-40:]
    store = open_store(url)
    mine = row(HARMFUL, name, "1" * 64)
    verdict = VerdictRow(
        tenant=name, tree_id=mine.id, policy="p" * 64, verdict="block", score=1.0, probability=0.7, reason="",
        tier="model", seconds=0.1,
    )  # fmt: skip
    await asyncio.gather(store.write(mine, verdict), *(store.write(row("x", name, f"{n:064}")) for n in range(100)))
    await store.close()

    again = open_store(url)
    assert await again.find(name, "1" * 64, "prompt", "a" * 64) == mine
    assert await again.find("other", "1" * 64, "prompt", "a" * 64) is None
    assert await again.trees(name, [mine.id]) == [mine]
    assert len(await again.newest(name, 50)) == 50
    assert len(await again.newest(name, 500)) == 101
    await again.close()


@pytest.mark.anyio
async def test_texts_whose_time_has_come_are_taken_out(url: str, request: pytest.FixtureRequest) -> None:
    name = request.node.name[-40:]
    store = open_store(url)
    kept, gone = row(HARMFUL, name, "1" * 64, keep_days=1), row(HARMFUL, name, "2" * 64, keep_days=-1)
    await store.write(kept, gone)

    assert await store.forget_texts() == 1
    first, second = await store.trees(name, [kept.id, gone.id])
    assert (first.prompt, second.prompt) == (HARMFUL, None)
    assert "asker" in first.lines
    assert second.tree == without_words(first.tree)
    await store.close()


@pytest.mark.anyio
async def test_a_postgresql_that_crashes_costs_verdicts_and_takes_back_none(server: Postgres, tmp_path: Path) -> None:
    """Stopped as a crash stops it, mid-way; the service reconnects by itself."""
    async with asked(tmp_path, store=open_store(server.url, patience=1.0)) as (client, _):
        before = (await client.post("/v1/analyze", json={"prompt": f"{HARMFUL} before the crash"})).json()
        server.stop()
        lost = await client.post("/v1/moderations", json={"input": f"{HARMFUL} in the crash"})
        ready = await client.get("/readyz")
        server.start()
        after = await client.post("/v1/moderations", json={"input": f"{HARMFUL} in the crash"})
        asked_again = {"tree_ids": [before["tree_id"]], "policies": ["general"]}
        kept = (await client.post("/v1/rescore", json=asked_again)).json()

    assert (lost.status_code, lost.json()["error"]["code"], ready.status_code) == (503, "store_down", 503)
    assert after.status_code == 200
    assert (kept["missing"], kept["results"][0]["verdicts"]) == ([], ["block"])


@pytest.mark.anyio
async def test_the_service_runs_on_it(url: str, tmp_path: Path) -> None:
    async with asked(tmp_path, store=open_store(url)) as (client, _):
        found = (await client.post("/v1/analyze", json={"prompt": HARMFUL + chr(0)})).json()
        again = (
            await client.post("/v1/rescore", json={"tree_ids": [found["tree_id"]], "policies": ["general"]})
        ).json()
        missing = await client.get("/v1/trees/%00")

    assert again["results"][0]["scores"] == [found["score"]]
    assert missing.status_code == 404


@settings(max_examples=60, deadline=None, derandomize=True)
@given(any_tree)
def test_a_tree_without_words_scores_the_same_and_its_codes_are_enough(tree: Tree) -> None:
    policy = read_policy("general")
    bare = row("", "t", "1" * 64)
    stored = TreeRow(
        **{**vars(bare), **vars(TreeRow.of(tree, tenant="t", prompt_hmac="", subject="prompt", analyst=""))}
    )

    whole = score(Forest.of([tree]), policy)
    assert score(forest_of([stored]), policy).score_P == whole.score_P
    assert score(Forest.of([stored.tree]), policy).score_P == whole.score_P


@pytest.mark.parametrize("url", ["nonsense", "mysql://host/db", "sqlite://", "sqlite:///:memory:"])
def test_a_url_of_something_else_is_told(url: str) -> None:
    with pytest.raises(ConfigError, match="--db"):
        open_store(url)


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    file = tmp_path / "moderation.db"
    file.write_text("no database" * 100)

    with pytest.raises(RecordError, match="does not open"):
        open_store(f"sqlite:///{file}", patience=0.2)


@pytest.mark.anyio
@pytest.mark.parametrize(("synchronous", "number"), [("full", 2), ("normal", 1)])
async def test_each_commit_waits_for_the_disk_unless_asked_not_to(
    tmp_path: Path, synchronous: Literal["full", "normal"], number: int
) -> None:
    """SQLite calls FULL 2 and NORMAL 1."""
    store = open_store(f"sqlite:///{tmp_path / 'moderation.db'}", synchronous=synchronous)

    assert await store._try(lambda connection: connection.exec_driver_sql("PRAGMA synchronous").scalar_one()) == number
    await store.close()


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    asyncio.run(open_store(f"sqlite:///{tmp_path / 'moderation.db'}").close())

    assert (tmp_path / "moderation.db").stat().st_mode & 0o077 == 0
    with sqlite3.connect(tmp_path / "moderation.db") as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)

"""The whole way: `instincts serve` in a process, a model behind HTTP in another, clients on sockets; either may die."""

import asyncio
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from instincts.analyst.policy_files import policy_text, read_policy
from tests.analyst.service.processes import ModelServer, Serving, serving
from tests.analyst.service.scripted import BENIGN, HARMFUL

openai = pytest.importorskip("openai", reason="openai is not installed (extra `dev`)")

pytestmark = [pytest.mark.slow, pytest.mark.enable_socket]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("serving")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelServer]:
    server = ModelServer(seconds=0.5, hold=tmp_path_factory.mktemp("model") / "hold").start()
    yield server
    server.kill()


@pytest.fixture(scope="module")
def service(folder: Path, model: ModelServer) -> Iterator[Serving]:
    """The service with its own limits, but for rate and deadline, and a policy file of the test's own."""
    (folder / "mine.toml").write_text(policy_text(read_policy("general")))
    options = ["--model", "openai-api/scripted/tree", "--policy", "mine.toml", "--on-error", "block"]
    # A busy machine is late, which is not what is tested; and the questions that reach the model are counted here.
    options += ["--set", "rate=500", "--set", "seconds=300", "--set", "self_test=false"]
    with serving(folder, *options, SCRIPTED_BASE_URL=model.url, SCRIPTED_API_KEY="none") as found:
        yield found


def rows(folder: Path, question: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(folder / "moderation.db") as opened:
        return opened.execute(question).fetchall()


def analyze(url: str, text: str) -> dict[str, Any]:
    answer = httpx.post(f"{url}/v1/analyze", json={"prompt": text}, timeout=60)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_model_server_that_is_killed_in_a_batch_costs_only_verdicts(
    folder: Path, model: ModelServer, service: Serving
) -> None:
    """Eight texts are judged; the server dies with twelve more in it; it comes back on the same port."""
    before = [f"{HARMFUL} before {number}" for number in range(8)]
    during = [f"{BENIGN} during {number}" for number in range(12)]
    client = openai.OpenAI(base_url=f"{service.url}/v1", api_key="any", max_retries=0)
    with ThreadPoolExecutor(12) as pool:
        judged = list(pool.map(lambda text: analyze(service.url, text), before))
        model.hold()
        waiting = [pool.submit(analyze, service.url, text) for text in during]
        model.wait_for_questions(12)
        model.kill()
        lost = [each.result() for each in waiting]
    with pytest.raises(openai.InternalServerError) as refused:
        client.moderations.create(input=f"{BENIGN} while it is gone")
    known = client.moderations.create(input=before[0]).results[0]
    model.start()
    back = client.moderations.create(input=during[0]).results[0]
    client.close()

    assert [each["verdict"] for each in judged] == ["block"] * 8
    assert {(each["verdict"], each["tree_id"], each["error"]["cause"]) for each in lost} == {
        ("block", None, "analyst_down")
    }
    assert refused.value.code == "analyst_down"
    assert int(refused.value.response.headers["retry-after"]) > 0
    assert (known.flagged, back.flagged) == (True, False)
    ids = {row[0] for row in rows(folder, "SELECT id FROM trees")}
    assert {each["tree_id"] for each in judged} <= ids
    kept: dict[str, str] = dict(rows(folder, "SELECT id, reason FROM verdicts"))
    assert [kept[each["verdict_id"]] for each in (*judged, *lost)] == [""] * 8 + ["analyst_down"] * 12
    assert "Traceback" not in service.log


def test_a_policy_file_that_breaks_while_it_serves_leaves_the_old_one_in_force(folder: Path, service: Serving) -> None:
    whole = policy_text(read_policy("general"))
    line = next(number for number, each in enumerate(whole.split("\n"), 1) if each.startswith("child_harm ="))

    def ready(wanted: str) -> dict[str, Any]:
        until = time.monotonic() + 30
        while time.monotonic() < until:
            found: dict[str, Any] = httpx.get(f"{service.url}/readyz").json()
            if wanted in str(found):
                return found
            time.sleep(0.1)
        raise AssertionError(found)

    (folder / "mine.toml").write_text(whole.replace("child_harm =", "child_hram ="))
    broken = ready("child_hram")
    verdict = analyze(service.url, f"{HARMFUL} under the old policy")["verdict"]
    (folder / "mine.toml").write_text(whole.replace('version = "1"', 'version = "2"'))
    mended = ready("'version': '2'")

    assert f"line {line}" in str(broken["policy_trouble"])
    assert "did you mean 'child_harm'" in str(broken["policy_trouble"])
    assert broken["policy"]["version"] == "1"
    assert verdict == "block"
    assert mended["policy_trouble"] == ""


def test_ten_megabytes_get_their_answer_over_a_socket(service: Serving) -> None:
    """The client is still sending when it is refused; it must read 413 all the same, not a broken connection."""
    client = openai.OpenAI(base_url=f"{service.url}/v1", api_key="any", max_retries=0)
    for _ in range(5):
        with pytest.raises(openai.APIStatusError) as refused:
            client.moderations.create(input="x" * 10_000_000)
        assert refused.value.status_code == 413
    assert client.moderations.create(input=BENIGN).results[0].flagged is False
    client.close()


def test_a_thousand_connections_at_once_on_a_slow_model(folder: Path, service: Serving) -> None:
    """Who is judged is on the disk, everybody else is told when to come back, and the service answers meanwhile."""

    async def ask_all() -> list[httpx.Response]:
        limits = httpx.Limits(max_connections=1100)
        async with httpx.AsyncClient(base_url=service.url, timeout=120, limits=limits) as client:
            asking = [
                asyncio.create_task(client.post("/v1/analyze", json={"prompt": f"{HARMFUL} of many {number}"}))
                for number in range(1000)
            ]
            await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)
            assert (await client.get("/healthz")).status_code == 200
            assert not all(each.done() for each in asking)
            return await asyncio.gather(*asking)

    answers = asyncio.run(ask_all())
    codes = Counter(answer.status_code for answer in answers)
    judged = [answer.json() for answer in answers if answer.status_code == 200]

    assert codes[200] + codes[429] == 1000
    assert codes[200] >= 128
    assert all(int(answer.headers["retry-after"]) > 0 for answer in answers if answer.status_code == 429)
    assert {(each["verdict"], each["error"]) for each in judged} == {("block", None)}
    ids = {row[0] for row in rows(folder, "SELECT id FROM trees")}
    assert {each["tree_id"] for each in judged} <= ids
    assert "Traceback" not in service.log


def test_no_text_is_in_any_table_file_or_line_of_the_log(folder: Path, service: Serving) -> None:
    analyze(service.url, f"{HARMFUL} xyzzyquux")
    httpx.post(f"{service.url}/v1/moderations", json={"input": {"xyzzyquux": 1}})
    httpx.post(f"{service.url}/v1/moderations", json={"input": "xyzzyquux " * 20_000})

    files = [file for file in folder.rglob("*") if file.is_file()]
    assert folder / "serve.log" in files
    for file in files:
        assert b"xyzzyquux" not in file.read_bytes(), file
        assert b"paper lamp" not in file.read_bytes(), file

"""How a service ends: SIGTERM finishes what was accepted, kill -9 takes back nothing that was acknowledged."""

import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.analyst.service.scripted import HARMFUL

ROOT = Path(__file__).resolve().parents[3]
pytestmark = [pytest.mark.slow, pytest.mark.enable_socket]


@contextmanager
def running(database: Path, gate: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run a service in a process of its own; gives it and its address."""
    words = [sys.executable, "-m", "tests.analyst.service.running", str(database), str(gate)]
    process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        url = f"http://127.0.0.1:{int(process.stdout.readline())}"
        while True:
            try:
                httpx.get(f"{url}/healthz")
                break
            except httpx.ConnectError:
                time.sleep(0.05)
        yield process, url
    finally:
        process.kill()
        process.communicate()


def wait_until_nobody_listens(url: str) -> None:
    while True:
        try:
            httpx.get(f"{url}/healthz")
        except httpx.ConnectError:
            return
        time.sleep(0.02)


def moderate(url: str, text: str) -> int:
    return httpx.post(f"{url}/v1/moderations", json={"input": text}, timeout=60).status_code


def test_a_graceful_stop_answers_everybody_it_accepted(tmp_path: Path) -> None:
    """Four grow and twelve wait for a place when the signal comes; who comes after it finds nobody."""
    database, gate = tmp_path / "moderation.db", tmp_path / "gate"
    with running(database, gate) as (process, url), ThreadPoolExecutor(16) as pool:
        asking = [pool.submit(moderate, url, f"{HARMFUL} {number}") for number in range(16)]
        while "instincts_trees_under_way 16.0" not in httpx.get(f"{url}/metrics").text:
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        wait_until_nobody_listens(url)
        gate.touch()
        codes = [each.result() for each in asking]
        _, told = process.communicate(timeout=60)

    assert codes == [200] * 16
    assert "Traceback" not in told
    with sqlite3.connect(database) as opened:
        assert opened.execute("SELECT count(*) FROM trees").fetchone() == (16,)


def test_a_kill_takes_back_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    database, gate = tmp_path / "moderation.db", tmp_path / "gate"
    gate.touch()
    acknowledged: list[str] = []
    with running(database, gate) as (process, url), ThreadPoolExecutor(8) as pool:

        def ask(number: int) -> None:
            try:
                answer = httpx.post(f"{url}/v1/analyze", json={"prompt": f"{HARMFUL} {number}"}, timeout=60).json()
            except httpx.TransportError:
                return
            acknowledged.append(answer["tree_id"])

        asking = [pool.submit(ask, number) for number in range(200)]
        while len(acknowledged) < 30:
            time.sleep(0.005)
        process.kill()
        for each in asking:
            each.result()

    with running(database, gate) as (_, url):
        asked = {"tree_ids": acknowledged, "policies": ["general"]}
        found = httpx.post(f"{url}/v1/rescore", json=asked, timeout=60).json()
    assert len(acknowledged) >= 30
    assert found["missing"] == []
    assert set(found["results"][0]["verdicts"]) == {"block"}

"""How a service begins: with one tree of a text without content, or not at all; and where it listens."""

import asyncio
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from instincts.analyst.service import ServiceSettings
from instincts.analyst.service.serving import bound, serve
from instincts.errors import ConfigError, RecordError
from tests.analyst.scripted import PROVIDER

ROOT = Path(__file__).resolve().parents[3]
SERVE = """
import sys
import tests.analyst.scripted
from instincts.analyst.service import ServiceSettings
from instincts.analyst.service.serving import serve
serve(sys.argv[1], "general", host="127.0.0.1", port=0, db=sys.argv[2], token_file=None, on_error="block",
      settings=ServiceSettings(), say=lambda address: print(address, flush=True))
"""


@pytest.mark.enable_socket
def test_an_analyst_that_writes_no_tree_is_told_and_nothing_listens(tmp_path: Path) -> None:
    said: list[str] = []

    with pytest.raises(ConfigError, match="wrote no tree of a plain test prompt in 2 attempts"):
        serve(
            f"{PROVIDER}/babbling",
            "general",
            host="127.0.0.1",
            port=0,
            db=f"sqlite:///{tmp_path / 'db'}",
            token_file=None,
            on_error="block",
            settings=ServiceSettings(),
            say=said.append,
        )
    assert said == []


@pytest.mark.slow
@pytest.mark.enable_socket
def test_a_service_whose_analyst_wrote_a_tree_answers_and_stops_on_a_signal(tmp_path: Path) -> None:
    words = [sys.executable, "-c", SERVE, f"{PROVIDER}/able", f"sqlite:///{tmp_path / 'db'}"]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", url)
        for _ in range(50):
            try:
                assert httpx.get(f"{url}/healthz").json()["status"] == "ok"
                break
            except httpx.ConnectError:
                pass
        found = httpx.post(f"{url}/v1/analyze", json={"prompt": "How do I zordan the paper gate?"}, timeout=60).json()
        process.send_signal(signal.SIGTERM)
        _, told = process.communicate(timeout=60)

    assert found["tree"]["harms"]
    assert "Traceback" not in told


@pytest.mark.anyio
@pytest.mark.enable_socket
async def test_small_answers_leave_at_once() -> None:
    """Without TCP_NODELAY on accepted connections an answer in two parts waits for the client to acknowledge one."""
    accepted: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    class Asked(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            connection = transport.get_extra_info("socket")
            accepted.set_result(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            transport.close()

    listening = bound("127.0.0.1", 0)
    server = await asyncio.get_running_loop().create_server(Asked, sock=listening)
    _, writer = await asyncio.open_connection(*listening.getsockname())

    assert await accepted != 0
    writer.close()
    server.close()


@pytest.mark.enable_socket
def test_an_address_of_another_machine_is_told() -> None:
    with pytest.raises(RecordError, match=r"cannot listen on 192\.0\.2\.1:0"):
        bound("192.0.2.1", 0)

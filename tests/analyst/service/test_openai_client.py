"""The official client works against it unchanged, over a real socket."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest
import uvicorn

from instincts.analyst.service.application import Service, application
from instincts.analyst.service.storage import open_store
from tests.analyst.service.scripted import BENIGN, HARMFUL, ScriptedAnalyst

openai = pytest.importorskip("openai", reason="openai is not installed (extra `dev`)")


@contextmanager
def listening(folder: Path) -> Iterator[str]:
    """Serve on a free port while the block runs."""
    store = open_store(f"sqlite:///{folder / 'moderation.db'}")
    service = Service(ScriptedAnalyst(), store=store, policy="general", on_error="review")
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(application(service), log_level="warning"))
    thread = Thread(target=lambda: asyncio.run(server.serve(sockets=[bound])))
    thread.start()
    try:
        yield f"http://127.0.0.1:{bound.getsockname()[1]}/v1"
    finally:
        server.should_exit = True
        thread.join()


@pytest.mark.enable_socket
def test_the_official_client_reads_every_field(tmp_path: Path) -> None:
    with listening(tmp_path) as url:
        client = openai.OpenAI(base_url=url, api_key="any")
        answer = client.moderations.create(input=[HARMFUL, BENIGN], model="omni-moderation-latest")
        with pytest.raises(openai.BadRequestError) as refused:
            client.moderations.create(input=[])
        client.close()

    bad, good = answer.results
    assert (bad.flagged, good.flagged) == (True, False)
    assert bad.categories.violence
    assert bad.category_scores.violence > 0.7
    assert bad.category_applied_input_types.harassment_threatening == ["text"]
    assert good.model_extra["instincts"]["verdict"] == "allow"
    assert refused.value.code == "invalid_request"

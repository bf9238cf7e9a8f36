"""A service on a real socket of this machine, in a thread."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import uvicorn

from instincts.analyst.service.application import Service, application
from instincts.analyst.service.serving import bound
from instincts.analyst.service.storage import open_store
from tests.analyst.service.scripted import ScriptedAnalyst

__all__ = ["listening"]


@contextmanager
def listening(folder: Path, analyst: Any = None, **options: Any) -> Iterator[str]:
    """Serve on a free port while the block runs; gives the address without a slash at its end."""
    store = open_store(f"sqlite:///{folder / 'moderation.db'}")
    service = Service(analyst or ScriptedAnalyst(), store=store, policy="general", on_error="review", **options)
    taken = bound("127.0.0.1", 0)
    taken.listen()  # at once, so that nobody is refused before the server has started
    server = uvicorn.Server(uvicorn.Config(application(service), log_level="warning"))
    thread = Thread(target=lambda: asyncio.run(server.serve(sockets=[taken])))
    thread.start()
    try:
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()

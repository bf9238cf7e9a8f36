"""A service in a process of its own, to be stopped and killed: `python -m tests.analyst.service.running DB SECONDS`."""

import asyncio
import socket
import sys

import uvicorn

from instincts.analyst.service.application import Service, application
from instincts.analyst.service.storage import open_store
from tests.analyst.service.scripted import ScriptedAnalyst


def main() -> None:
    """Serve until a signal; the first line of stdout is the port."""
    database, seconds = sys.argv[1], float(sys.argv[2])
    service = Service(
        ScriptedAnalyst(seconds=seconds), store=open_store(f"sqlite:///{database}"), policy="general", on_error="block"
    )
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    print(bound.getsockname()[1], flush=True)  # noqa: T201 - the test reads it
    asyncio.run(uvicorn.Server(uvicorn.Config(application(service), log_level="error")).serve(sockets=[bound]))


if __name__ == "__main__":
    main()

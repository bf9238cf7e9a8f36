"""A service in a process of its own, to be stopped and killed: `python -m tests.analyst.service.running DB GATE`.

Its analyst answers once the file GATE exists.
"""

import asyncio
import sys
from pathlib import Path

import uvicorn

from instincts.analyst import Tree
from instincts.analyst.service import ServiceSettings
from instincts.analyst.service.application import Service, application
from instincts.analyst.service.asking import Case
from instincts.analyst.service.serving import bound
from instincts.analyst.service.storage import open_store
from tests.analyst.service.scripted import ScriptedAnalyst


class GatedAnalyst(ScriptedAnalyst):
    """Waits for a file."""

    def __init__(self, gate: Path) -> None:
        super().__init__()
        self._gate = gate

    async def grow(self, case: Case) -> Tree:
        while not self._gate.exists():
            await asyncio.sleep(0.02)
        return await super().grow(case)


def main() -> None:
    """Serve until a signal; the first line of stdout is the port."""
    database, gate = sys.argv[1], Path(sys.argv[2])
    service = Service(
        GatedAnalyst(gate),
        store=open_store(f"sqlite:///{database}"),
        policy="general",
        on_error="block",
        settings=ServiceSettings(concurrency=4),
    )
    listening = bound("127.0.0.1", 0)
    print(listening.getsockname()[1], flush=True)  # noqa: T201 - the test reads it
    asyncio.run(uvicorn.Server(uvicorn.Config(application(service), log_level="error")).serve(sockets=[listening]))


if __name__ == "__main__":
    main()

"""How fast the moderation service answers, beside a bare FastAPI echo of the same reply: the limit.

    python benchmarks/moderation_service.py [--clients 1,16,256] [--seconds 5]

One server process and one load generator on this machine, both counted on its cores. "echo" parses the body and returns
a ready-made reply of 13 categories. "hit" is the service on texts it has seen: token, policy, verdict, a row committed.
"model" is the service on new texts with a scripted analyst that answers at once: tree grown, kept, and judged. Each
client sends its next request when it has its answer, so a queue shows as latency, not as refusals; limits are lifted.
Aim: at most 3 ms over the echo on a hit, one client. SQLite in a temporary folder; with a star its commits do not wait
for the disk (`synchronous=normal`). What the disk alone costs is printed first: the median of 200 writes with fsync.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import socket
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any, Literal, NamedTuple

import uvicorn

from instincts.analyst.lines import decode
from instincts.analyst.service.asking import Case
from instincts.analyst.service.serving import bound
from instincts.analyst.tree import Tree

ARMS = ("echo", "hit", "hit*", "model", "model*")


class Measured(NamedTuple):
    """What one arm did with one number of clients."""

    per_second: float
    p50_ms: float
    p99_ms: float
    refused: int


class Scripted:
    """An analyst that knows one tree and answers at once."""

    digest = "0" * 64

    def __init__(self) -> None:
        """Read the tree once."""
        self._tree = decode("H\n@group readers\n9 A3H+ B2M+\n32 G2M-\nB\n@user asker\nJ2H+ knows the steps\nEND")

    async def grow(self, case: Case) -> Tree:
        """Give the tree."""
        return self._tree


def main() -> None:
    """Measure every arm with every number of clients and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", default="1,16,256")
    parser.add_argument("--seconds", type=float, default=5.0)
    given = parser.parse_args()
    print(f"one fsync of this disk takes {1000 * disk_seconds():.2f} ms")
    table: dict[tuple[str, int], Measured] = {}
    print(
        f"{'arm':8}{'clients':>8}{'requests/s':>12}{'p50 ms':>9}{'p99 ms':>9}{'refused':>9}"
        f"{'of echo':>9}{'p50 more':>10}"
    )
    for clients in map(int, given.clients.split(",")):
        for arm in ARMS:
            found = table[arm, clients] = measure(arm, clients, given.seconds)
            echoed = table["echo", clients]
            print(
                f"{arm:8}{clients:8}{found.per_second:12.0f}{found.p50_ms:9.2f}{found.p99_ms:9.2f}{found.refused:9}"
                f"{found.per_second / echoed.per_second:9.2f}{found.p50_ms - echoed.p50_ms:10.2f}",
                flush=True,
            )


def measure(arm: str, clients: int, seconds: float) -> Measured:
    """Start a server, load it, stop it."""
    with tempfile.TemporaryDirectory() as scratch, bound("127.0.0.1", 0) as listening:
        server = multiprocessing.get_context("fork").Process(target=run, args=(arm, Path(scratch), listening))
        server.start()
        try:
            return asyncio.run(load(listening.getsockname()[1], clients, seconds, is_new=arm.startswith("model")))
        finally:
            server.terminate()
            server.join()


def disk_seconds() -> float:
    """Give the median time of a write that waits for the disk."""
    times = []
    with tempfile.TemporaryFile() as file:
        for _ in range(200):
            file.write(b"x" * 4096)
            file.flush()
            began = time.perf_counter()
            os.fsync(file.fileno())
            times.append(time.perf_counter() - began)
    return statistics.median(times)


def run(arm: str, folder: Path, listening: socket.socket) -> None:
    """Serve one arm until told to stop."""
    app = echo() if arm == "echo" else service(folder, "normal" if arm.endswith("*") else "full")
    asyncio.run(uvicorn.Server(uvicorn.Config(app, log_level="error")).serve(sockets=[listening]))


def echo() -> Any:
    """Build the limit: FastAPI, a body, a ready-made reply."""
    from fastapi import FastAPI
    from fastapi.responses import JSONResponse

    from instincts.analyst.service.bodies import ModerationBody
    from instincts.analyst.service.categories import KEYS

    result = {
        "flagged": False,
        "categories": dict.fromkeys(KEYS, False),
        "category_scores": dict.fromkeys(KEYS, 0.1),
        "category_applied_input_types": {key: ["text"] for key in KEYS},
    }
    app = FastAPI()

    @app.post("/v1/moderations")
    async def moderations(body: ModerationBody) -> JSONResponse:
        return JSONResponse({"id": "modr-0", "model": body.model, "results": [result]})

    return app


def service(folder: Path, synchronous: Literal["full", "normal"] = "full") -> Any:
    """Build the service with its limits lifted."""
    from instincts.analyst.service.application import Service, application
    from instincts.analyst.service.settings import ServiceSettings
    from instincts.analyst.service.storage import open_store

    limits = ServiceSettings(rate=1e9, burst=1_000_000_000, waiting=10_000, tenant_waiting=10_000)
    store = open_store(f"sqlite:///{folder / 'moderation.db'}", synchronous=synchronous)
    return application(Service(Scripted(), store=store, policy="general", on_error="review", settings=limits))


async def load(port: int, clients: int, seconds: float, *, is_new: bool) -> Measured:
    """Ask with so many clients at once for so long; the first half second is not counted.

    Requests are written by hand: a client library costs several times what the echo does, and would hide the service.
    """
    await up(port)
    times: list[float] = []
    refused = 0
    began = time.perf_counter()

    async def work(number: int) -> None:
        nonlocal refused
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        sent = 0
        while (start := time.perf_counter()) < began + _WARM + seconds:
            text = f"How do I fold lamp {number}?" + (f" {sent}" if is_new else "")
            status = await ask(reader, writer, json.dumps({"input": text}).encode())
            if start > began + _WARM:
                refused += status != 200
                times.append(time.perf_counter() - start)
            sent += 1
        writer.close()

    await asyncio.gather(*(work(number) for number in range(clients)))
    ordered = sorted(times)
    return Measured(
        len(times) / seconds,
        1000 * statistics.median(ordered),
        1000 * ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))],
        refused,
    )


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes) -> int:
    """Send one request and read its answer; gives the status."""
    head = (
        "POST /v1/moderations HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode() + body)
    first, *fields = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    length = next(int(field.split(":")[1]) for field in fields if field.lower().startswith("content-length:"))
    await reader.readexactly(length)
    return int(first.split()[1])


async def up(port: int) -> None:
    """Wait until the server answers."""
    while True:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            await ask(reader, writer, b"{}")
            writer.close()
        except (OSError, asyncio.IncompleteReadError):
            await asyncio.sleep(0.05)
        else:
            return


_WARM = 0.5


if __name__ == "__main__":
    main()

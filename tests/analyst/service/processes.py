"""`instincts serve` as users run it, and the server of the model that it asks, each a process that can be killed."""

import os
import queue
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import Self

import httpx

__all__ = ["ModelServer", "Serving", "serving"]

ROOT = Path(__file__).resolve().parents[3]
PATIENCE = 120.0
"""Seconds that a busy machine may take to start a process."""


class ModelServer:
    """Keeps its port when it is started again."""

    def __init__(self, seconds: float, hold: Path) -> None:
        """Answer so slowly, and not at all while a file exists."""
        self._seconds = seconds
        self._hold = hold
        self._port = 0
        self._process: subprocess.Popen[str] | None = None
        self._lines: queue.Queue[str] = queue.Queue()

    @property
    def url(self) -> str:
        """Its base URL."""
        return f"http://127.0.0.1:{self._port}/v1"

    def start(self) -> Self:
        """Start it; gives itself."""
        words = [sys.executable, "-m", "tests.analyst.service.model_server"]
        words += [str(self._port), str(self._seconds), str(self._hold)]
        self._process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        self._lines = queue.Queue()
        self._hold.unlink(missing_ok=True)
        Thread(target=self._read, args=(self._process, self._lines), daemon=True).start()
        self._port = int(self._lines.get(timeout=PATIENCE))
        return self

    def hold(self) -> None:
        """Answer nobody until it is started again."""
        self._hold.touch()
        while not self._lines.empty():
            self._lines.get()

    def wait_for_questions(self, count: int) -> None:
        """Return when so many more have arrived."""
        for _ in range(count):
            self._lines.get(timeout=PATIENCE)

    def kill(self) -> None:
        """End it as a crash does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    @staticmethod
    def _read(process: "subprocess.Popen[str]", lines: "queue.Queue[str]") -> None:
        for line in process.stdout or ():
            lines.put(line)


class Serving:
    """A running `instincts serve`."""

    def __init__(self, process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
        """Take a process that listens."""
        self.process = process
        self.url = url
        self._log = log

    @property
    def log(self) -> str:
        """Everything it has written to stdout and stderr."""
        return self._log.read_text()


@contextmanager
def serving(folder: Path, *options: str, **environment: str) -> Iterator[Serving]:
    """Run `instincts serve` with its database in a folder, its home too, until the block ends."""
    log = folder / "serve.log"
    home = folder / "home"
    home.mkdir(exist_ok=True)
    words = [sys.executable, "-m", "instincts", "serve", "--port", "0"]
    words += ["--db", f"sqlite:///{folder / 'moderation.db'}", *options]
    with log.open("ab") as written:
        began = written.tell()
        process = subprocess.Popen(
            words, cwd=folder, stdout=written, stderr=subprocess.STDOUT,
            env={**os.environ, "HOME": str(home), **environment},
        )  # fmt: skip
    try:
        yield Serving(process, _address(process, log, began), log)
    finally:
        process.kill()
        process.wait()


def _address(process: "subprocess.Popen[bytes]", log: Path, began: int) -> str:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        told = log.read_bytes()[began:].decode()
        assert process.poll() is None, told
        if " moderates; " in told:
            url = next(line for line in told.splitlines() if " moderates; " in line).split()[0]
            with suppress(httpx.TransportError):
                httpx.get(f"{url}/healthz")
                return url
        time.sleep(0.05)
    raise AssertionError(f"no address within {PATIENCE:g} s: {log.read_text()}")

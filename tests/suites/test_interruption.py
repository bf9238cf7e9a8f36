"""A run that is stopped from outside, by Ctrl-C or by kill -9, and the same command again."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from instincts.records import read_run_card

RUN = """
import signal, sys
from pathlib import Path
from instincts.suites.running import evaluate
from instincts.suites.settings import EvaluationSettings
from tests.suites import scripted

# A shell's background jobs ignore Ctrl-C, and so would this process under one.
signal.signal(signal.SIGINT, signal.default_int_handler)
scripted.TRACE.append(Path(sys.argv[2]))
settings = EvaluationSettings(suite="jailbreak", attack="plain,pocket/urgency", limit=40)
evaluate(["scripted/careful"], settings, out=Path(sys.argv[1]))
"""
ANSWERS = 80


def started(out: Path, calls: Path) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-c", RUN, str(out), str(calls)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def counted(calls: Path) -> int:
    return len(calls.read_text()) if calls.exists() else 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stop", "status"), [(signal.SIGKILL, "running"), (signal.SIGINT, "interrupted")], ids=["kill -9", "Ctrl-C"]
)
def test_what_was_finished_is_not_run_again(tmp_path: Path, stop: signal.Signals, status: str) -> None:
    out, calls = tmp_path / "run", tmp_path / "calls"
    process = started(out, calls)
    deadline = time.monotonic() + 300
    while counted(calls) < 50 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(stop)
    assert process.wait(timeout=60) != 0
    before = counted(calls)
    assert 50 <= before < ANSWERS
    assert read_run_card(out).status == status

    assert started(out, calls).wait(timeout=300) == 0
    assert read_run_card(out).status == "finished"
    # Inspect writes its log every ten samples: at most those and the twenty under way are asked again.
    assert counted(calls) - ANSWERS <= 30

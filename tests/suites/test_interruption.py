"""A run that is stopped from outside, by Ctrl-C or by kill -9, and the same command again."""

import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from instincts.records import read_metrics, read_run_card

RUN = """
import signal, sys
from pathlib import Path
from instincts.suites.running import evaluate
from instincts.suites.settings import EvaluationSettings
from tests.suites import scripted

# A shell's background jobs ignore Ctrl-C, and so would this process under one.
signal.signal(signal.SIGINT, signal.default_int_handler)
scripted.TRACE.append(Path(sys.argv[2]))
settings = EvaluationSettings(
    suite="jailbreak,overrefusal", attack="plain,pocket/urgency,best-of-n/resampled", limit=16, budget=3
)
evaluate(["scripted/careful"], settings, out=Path(sys.argv[1]))
"""
# 16 harmful requests and 16 benign ones, plain and wrapped; the search runs on the harmful ones. The model never gives
# in, so each search asks its three questions and then for the judged answer.
SAMPLES = 2 * 32 + 16
ANSWERS = 2 * 32 + 16 * 4


def started(out: Path, calls: Path) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-c", RUN, str(out), str(calls)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def asked(calls: Path) -> list[str]:
    return calls.read_text().splitlines() if calls.exists() else []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stop", "status"), [(signal.SIGKILL, "running"), (signal.SIGINT, "interrupted")], ids=["kill -9", "Ctrl-C"]
)
def test_what_was_finished_is_not_run_again(tmp_path: Path, stop: signal.Signals, status: str) -> None:
    out, calls = tmp_path / "run", tmp_path / "calls"
    process = started(out, calls)
    deadline = time.monotonic() + 300
    while len(asked(calls)) < 80 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(stop)
    assert process.wait(timeout=60) != 0
    before = asked(calls)
    assert 80 <= len(before) < ANSWERS
    assert read_run_card(out).status == status

    assert started(out, calls).wait(timeout=300) == 0
    assert read_run_card(out).status == "finished"
    again = asked(calls)[len(before) :]
    whole = {sample for sample, count in Counter(before).items() if count == (4 if "best-of-n" in sample else 1)}
    # Inspect writes its logs every ten samples, two of them here: only what was not yet written is asked again.
    assert len(whole & set(again)) <= 20
    assert len(set(again)) <= SAMPLES - len(whole) + 20
    assert len(set(before) | set(again)) == SAMPLES
    rates = {
        (row.suite, row.slice): row.value for row in read_metrics(out) if row.metric in ("dsr", "benign_compliance")
    }
    assert rates["jailbreak", "best-of-n/resampled"] == 1.0
    assert rates["overrefusal", "all"] == 1.0

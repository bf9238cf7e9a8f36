"""A run that is stopped from outside, by Ctrl-C or by kill -9, and the same command again."""

import contextlib
import signal
import subprocess
import sys
import time
import zipfile
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


def started(out: Path, calls: Path) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-c", RUN, str(out), str(calls)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def asked(calls: Path) -> list[str]:
    return calls.read_text().splitlines() if calls.exists() else []


def written(out: Path) -> set[str]:
    """The samples in the logs; a log is a zip, which cannot be read while its end is being written."""
    found: set[str] = set()
    for log in (out / "logs").glob("*.eval"):
        with contextlib.suppress(zipfile.BadZipFile), zipfile.ZipFile(log) as parts:
            # By their names: what is inside is packed in a way that Python's own reader does not know.
            names = [name for name in parts.namelist() if name.startswith("samples/")]
            found |= {name.removeprefix("samples/").removesuffix("_epoch_1.json") for name in names}
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stop", "status"), [(signal.SIGKILL, "running"), (signal.SIGINT, "interrupted")], ids=["kill -9", "Ctrl-C"]
)
def test_what_was_finished_is_not_run_again(tmp_path: Path, stop: signal.Signals, status: str) -> None:
    """Inspect writes its logs every ten samples: what was answered since the last time is asked again, and no more."""
    out, calls = tmp_path / "run", tmp_path / "calls"
    process = started(out, calls)
    deadline = time.monotonic() + 300
    while len(written(out)) < 30 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)
    # Before the signal: at Ctrl-C Inspect also writes the samples that were under way, as cancelled.
    finished = written(out)
    process.send_signal(stop)
    assert process.wait(timeout=60) != 0
    before = asked(calls)
    assert 30 <= len(finished) < SAMPLES
    assert read_run_card(out).status == status

    assert started(out, calls).wait(timeout=300) == 0
    again = asked(calls)[len(before) :]
    assert read_run_card(out).status == "finished"
    assert again
    assert finished & set(again) == set()
    assert len(written(out)) == SAMPLES
    rates = {(row.suite, row.slice, row.metric): row.value for row in read_metrics(out)}
    assert rates["jailbreak", "best-of-n/resampled", "dsr"] == 1.0
    assert rates["overrefusal", "all", "benign_compliance"] == 1.0

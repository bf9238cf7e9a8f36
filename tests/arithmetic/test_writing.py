"""A run that is killed, interrupted or out of disk loses one shard, harms no input, and resumes to the same bytes."""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from instincts.arithmetic.removal import remove_harm
from instincts.arithmetic.streaming import Progress
from instincts.errors import ModelDirectoryError, RecordError
from instincts.models.checkpoints import check_space
from instincts.models.directory import locate
from instincts.records import read_run_card
from tests.arithmetic.conftest import Trio
from tests.arithmetic.models import same_bytes, save_model


class Killed(BaseException):
    """Nobody catches it, so it leaves what a kill leaves."""


def remove(
    trio: Trio, out: Path, *, strength: float = 2, resume: bool = False, progress: Progress | None = None
) -> None:
    given = {"layers": "all", "strength": strength}
    remove_harm(*trio.words, out, given=given, keep_delta=True, resume=resume, progress=progress)


def stop_at(call: int, error: type[BaseException]) -> Progress:
    """End the run when so many runs of entries have been written."""
    calls = 0

    def progress(stage: str, done: int, total: int) -> None:
        nonlocal calls
        calls += stage == "writing"
        if calls == call:
            raise error

    return progress


@pytest.fixture(scope="module")
def unbroken(trio: Trio, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("unbroken") / "out"
    remove(trio, out)
    return out


# There are 39 tensors in 9 shards, so the first kill leaves a partial shard and no whole one, the last all but one.
@pytest.mark.parametrize("call", [1, 2, 17, 38, 39])
def test_a_killed_run_resumes_to_the_same_bytes(trio: Trio, tmp_path: Path, unbroken: Path, call: int) -> None:
    out = tmp_path / "out"
    with pytest.raises(Killed):
        remove(trio, out, progress=stop_at(call, Killed))

    with pytest.raises(ModelDirectoryError, match="half-written"):
        locate(str(out))
    written = {path.name: path.stat().st_mtime_ns for path in out.glob("*.safetensors")}
    remove(trio, out, resume=True)
    assert same_bytes(out, unbroken)
    assert same_bytes(out / "delta", unbroken / "delta")
    assert {name: (out / name).stat().st_mtime_ns for name in written} == written
    assert not any(path.name.startswith(".") for path in out.rglob("*"))


def test_ctrl_c_says_how_to_go_on(trio: Trio, tmp_path: Path, unbroken: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt, match="--resume"):
        remove(trio, out, progress=stop_at(20, KeyboardInterrupt))

    assert read_run_card(out).status == "interrupted"
    assert not list(out.glob(".*.partial"))
    remove(trio, out, resume=True)
    assert same_bytes(out, unbroken)


def test_a_resumed_run_is_the_same_run(trio: Trio, tmp_path: Path) -> None:
    with pytest.raises(Killed):
        remove(trio, tmp_path / "out", progress=stop_at(20, Killed))

    with pytest.raises(RecordError, match=r"settings strength was 2.0 and is now 3.0"):
        remove(trio, tmp_path / "out", strength=3, resume=True)
    with pytest.raises(RecordError, match="continue it with --resume"):
        remove(trio, tmp_path / "out")


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    """Let the system refuse to write more, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_leaves_the_source_intact_and_the_run_can_go_on(tmp_path: Path) -> None:
    """Shards of 300 kB where a file may hold 200 kB; the message says what to do."""
    base = save_model(tmp_path / "base", dtype=torch.bfloat16, shard="300KB", hidden_size=256)
    trio, out = Trio(base, base, base), tmp_path / "out"
    before = locate(str(base)).digest

    with files_no_larger_than(200_000), pytest.raises(RecordError, match=r"File too large; .*base is untouched.*--res"):
        remove(trio, out)
    assert locate(str(base)).digest == before
    assert not list(out.rglob("*.partial"))
    remove(trio, out, resume=True)
    assert same_bytes(out, base)


def test_too_little_space_is_said_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"needs 1000000.0 GB and .* are free"):
        check_space(tmp_path / "not" / "there", 10**15)
    assert not (tmp_path / "not").exists()


@pytest.mark.slow
def test_a_real_kill(trio: Trio, tmp_path: Path, unbroken: Path) -> None:
    """By the system's own signal, in a process of its own, in the middle of the write pass."""
    code = (
        "import os, signal, sys; from pathlib import Path; from instincts.arithmetic.removal import remove_harm\n"
        "calls = []\n"
        "def progress(stage, done, total):\n"
        "    calls.append(stage)\n"
        "    if calls.count('writing') == 20: os.kill(os.getpid(), signal.SIGKILL)\n"
        "remove_harm(*sys.argv[1:4], Path(sys.argv[4]), given={'layers': 'all'}, keep_delta=True, progress=progress)\n"
    )
    ended = subprocess.run([sys.executable, "-c", code, *trio.words, str(tmp_path / "out")], env=os.environ)

    assert ended.returncode == -signal.SIGKILL
    remove(trio, tmp_path / "out", resume=True)
    assert same_bytes(tmp_path / "out", unbroken)

"""Checkpoints of a training that survive a kill at any moment: which are whole, what they remember, which is published.

Transformers writes a checkpoint file by file. Ours counts only once `instincts.json` lies in it, written last; a folder
without it was cut off and is never resumed from. The published model is moved into place by renaming. Knows neither
what is trained nor how.
"""

import errno
import os
import shutil
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from safetensors import SafetensorError

from instincts.errors import RecordError, TrainingError
from instincts.models.directory import DEFENCE_FILE, content_files
from instincts.records import read_json, write_json

__all__ = [
    "Interruptible",
    "check_space",
    "checkpoint_path",
    "disk_full",
    "interruptible",
    "latest_whole",
    "mark_whole",
    "publish",
    "remembered",
    "step_of",
]

STATE_FILE = "instincts.json"


class Interruptible(Protocol):
    """Who follows a training and can end it after the step in hand."""

    interrupted: bool
    """Set by the first Ctrl-C; the step in hand is to be finished and kept."""


def checkpoint_path(folder: Path, step: int) -> Path:
    """Name the checkpoint of a step, as Transformers does."""
    return folder / f"checkpoint-{step}"


def step_of(checkpoint: Path) -> int:
    """Read the step off a checkpoint's name."""
    return int(checkpoint.name.removeprefix("checkpoint-"))


def mark_whole(checkpoint: Path, state: dict[str, Any]) -> None:
    """Declare a checkpoint whole and keep our own state in it."""
    write_json(checkpoint / STATE_FILE, state)


def remembered(checkpoint: Path) -> dict[str, Any]:
    """Read the state kept in a whole checkpoint."""
    state: dict[str, Any] = read_json(checkpoint / STATE_FILE)
    return state


def latest_whole(folder: Path) -> Path | None:
    """Find the newest whole checkpoint and delete those that a kill cut off; `None` where there is none."""
    found = [path for path in folder.glob("checkpoint-*") if path.is_dir()] if folder.is_dir() else []
    for path in found:
        if not (path / STATE_FILE).is_file():
            shutil.rmtree(path)
    whole = [path for path in found if path.exists()]
    return max(whole, key=step_of, default=None)


def publish(checkpoint: Path, out: Path, *, base: str) -> None:
    """Make `out` the model directory of a checkpoint: the checkpoint itself, or `defence.json` over its base.

    Args:
        checkpoint: a whole checkpoint of all weights or of an adapter.
        out: the run folder.
        base: what an adapter is laid over: a folder or a hub id.

    Raises:
        TrainingError: the disk is full; the checkpoint stays where it is.
    """
    adapter = (checkpoint / "adapter_config.json").is_file()
    target = out / "adapter" if adapter else out
    partial = out / ".publishing"
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        for path in content_files(checkpoint):
            shutil.copy(path, partial / path.name)
            os.chmod(partial / path.name, 0o644)
        target.mkdir(exist_ok=True)
        for path in partial.iterdir():
            path.replace(target / path.name)
        partial.rmdir()
        if adapter:
            write_json(out / DEFENCE_FILE, {"format": 1, "kind": "lora", "base": base, "adapter": "adapter"})
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise TrainingError(
            f"cannot write the trained model to {out}: {error.strerror}; {checkpoint} is intact. "
            "Free some space and run the same command with --resume"
        ) from error


def check_space(out: Path, needed: int) -> None:
    """Refuse to begin what the disk cannot hold.

    Args:
        out: the run folder; it need not exist, and what a run that is resumed wrote there counts as free.
        needed: bytes.

    Raises:
        RecordError: too little is free.
    """
    there = next(folder for folder in (out.absolute(), *out.absolute().parents) if folder.is_dir())
    written = sum(path.stat().st_size for path in out.rglob("*.safetensors"))
    free = shutil.disk_usage(there).free + written
    if free < needed:
        raise RecordError(
            f"{out} needs {needed / 1e9:.1f} GB and {free / 1e9:.1f} GB are free; "
            "free some space or choose another --out"
        )


@contextmanager
def disk_full(out: Path) -> Iterator[None]:
    """Say plainly that a checkpoint could not be written, and which one is still whole."""
    try:
        yield
    except (OSError, SafetensorError) as error:
        # safetensors wraps the system's error in its own class and keeps the number only in the text.
        if getattr(error, "errno", None) != errno.ENOSPC and "os error 28" not in str(error):
            raise
        kept = latest_whole(out / "checkpoints")
        raise TrainingError(
            f"the disk is full: a checkpoint could not be written to {out}. "
            f"{f'{kept.name} is intact' if kept else 'None was written before'}; free some space and run the same "
            "command with --resume"
        ) from error


@contextmanager
def interruptible(watch: Interruptible) -> Iterator[None]:
    """Let the first Ctrl-C finish and keep the step in hand; the second stops at once."""

    def finish_step(*_: Any) -> None:
        if watch.interrupted:
            raise KeyboardInterrupt("stopped at once; the last checkpoint is kept. Run the same command with --resume")
        watch.interrupted = True

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, finish_step)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)

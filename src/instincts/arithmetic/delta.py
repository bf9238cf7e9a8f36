"""What a removal changed, kept sparsely so that it can be reverted bit for bit; written only when asked for.

Adding the subtracted vector again would not undo the rounding, so the bits themselves are kept: for each run of entries
a bitmap of those that changed, and the exclusive or of their bits before and after. **The delta is the trimmed harm
direction up to a factor**: whoever holds it and the model can make the model worse, hence `dual_use` in its header.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, NamedTuple, Self

import numpy as np
from safetensors import SafetensorError, safe_open
from torch import Tensor

from instincts.arithmetic.checkpoint import PRECISIONS, Shard, Stored, read_bytes, read_shard
from instincts.arithmetic.plan import Plan
from instincts.arithmetic.streaming import PIECE, in_order, pieces
from instincts.errors import RecordError
from instincts.records import file_sha256, write_text

__all__ = ["DELTA_FOLDER", "DeltaFile", "delta_of", "revert_shard"]

DELTA_FOLDER = "delta"


class DeltaFile:
    """Collects the changes of one shard, run by run, in a safetensors file; a context manager."""

    def __init__(self, path: Path, runs: Sequence[tuple[str, int]]) -> None:
        """Open the file.

        Args:
            path: the file to write.
            runs: tensor and first entry of every run that may be added; the header's room is reserved from them.
        """
        # The header stands first and may be padded with spaces, and its length must be known before the data is.
        self._room = 400 + sum(2 * (len(json.dumps(name)) + 120) for name, _ in runs)
        self._path, self._size = path, 0
        self._entries: dict[str, dict[str, object]] = {}

    def __enter__(self) -> Self:
        self._path.parent.mkdir(exist_ok=True)
        self._file: BinaryIO = self._path.open("wb")
        self._file.seek(8 + self._room)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, name: str, start: int, flipped_N: Tensor) -> None:
        """Add a run of a tensor's entries.

        Args:
            name: the tensor.
            start: the first entry of the run.
            flipped_N: exclusive or of the bits before and after, int16 or int32; 0 where nothing changed.
        """
        flipped = flipped_N.numpy()
        changed = flipped != 0
        if changed.any():
            self._put(f"{name}|{start}|changed", np.packbits(changed).tobytes())
            self._put(f"{name}|{start}|flipped", flipped[changed].tobytes())

    def finish(self, before: str, after: str) -> None:
        """Write the header.

        Args:
            before: SHA-256 of the shard that was read.
            after: SHA-256 of the shard that was written.
        """
        about = {"format": _FORMAT, "dual_use": "true", "before": before, "after": after}
        header = json.dumps({"__metadata__": about, **self._entries}).encode()
        self._file.seek(0)
        self._file.write(self._room.to_bytes(8, "little") + header.ljust(self._room))

    def _put(self, key: str, content: bytes) -> None:
        self._file.write(content)
        end = self._size + len(content)
        self._entries[key] = {"dtype": "U8", "shape": [len(content)], "data_offsets": [self._size, end]}
        self._size = end


@contextmanager
def delta_of(plan: Plan, shard: Shard, out: Path) -> Iterator[DeltaFile]:
    """Collect the changes of one shard in the delta folder of a run; the file stands there once all is well."""
    write_text(out / DELTA_FOLDER / "README.md", _WARNING)
    path = out / DELTA_FOLDER / shard.path.name
    partial = path.with_name(f".{path.name}.partial")
    runs = [(each.name, start) for each in shard.tensors for start, _ in pieces(plan.parts[each.name].entries)]
    with DeltaFile(partial, runs) as delta:
        yield delta
    partial.replace(path)


def revert_shard(shard: Shard, delta: Path, path: Path) -> Iterator[int]:
    """Write the shard that a removal read, from the one it wrote and their delta; yields the bytes of each run.

    Args:
        shard: of the steered model.
        delta: the file of its changes.
        path: the file to write.

    Raises:
        RecordError: there is no such delta, or it was not taken from this shard.
        OSError: the file cannot be written.
    """
    about, changes = _open(delta)
    if file_sha256(shard.path) != about.get("after"):
        raise RecordError(f"{shard.path} is not the file that {delta} was taken from; it has changed since")

    def work(run: _Run) -> bytearray:
        content = read_bytes(run.stored, run.start * run.width, run.entries * run.width)
        key = f"{run.stored.name}|{run.start}"
        if f"{key}|changed" in changes:
            bitmap, flipped = changes[f"{key}|changed"], changes[f"{key}|flipped"]
            changed = np.unpackbits(np.frombuffer(read_bytes(bitmap, 0, bitmap.size), np.uint8), count=run.entries)
            whole = np.int32 if run.width == 4 else np.int16
            values = np.frombuffer(content, whole)
            values[changed.astype(bool)] ^= np.frombuffer(read_bytes(flipped, 0, flipped.size), whole)
        return content

    with path.open("wb") as file:
        file.write(shard.header)
        for content in in_order(work, _runs(shard)):
            yield file.write(content)
    if file_sha256(path) != about.get("before"):
        raise RecordError(f"{delta} does not lead back to the file it was taken from; it is damaged")


class _Run(NamedTuple):
    stored: Stored
    start: int
    entries: int
    width: int
    """Bytes an entry."""


def _runs(shard: Shard) -> Iterator[_Run]:
    for stored in shard.tensors:
        width = PRECISIONS[stored.dtype].itemsize if stored.is_weight else 1
        # Runs of the same size as those that were added, so that each change lies in one.
        yield from (_Run(stored, start, count, width) for start, count in pieces(stored.size // width))


def _open(path: Path) -> tuple[dict[str, str], dict[str, Stored]]:
    try:
        with safe_open(path, framework="np") as file:
            about = dict(file.metadata() or {})
    except (OSError, SafetensorError):
        about = {}
    if about.get("format") != _FORMAT:
        raise RecordError(
            f"{path} holds no changes to take back; only a removal made with --keep-delta can be reverted"
        )
    return about, {stored.name: stored for stored in read_shard(path).tensors}


_FORMAT = f"instincts-delta-1, runs of {PIECE}"

_WARNING = """# Keep this folder to yourself

These files are what `instincts steer` changed in the weights beside them: a harm direction up to a factor. Whoever has
them and the model can take the change back (`instincts steer --revert`) or make the model worse. Delete the folder
before you share the model.
"""

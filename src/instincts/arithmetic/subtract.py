"""One pass over the weights, shard by shard: target minus strength times trimmed harm vector (eq. 4, arXiv:2406.11801).

Each entry is computed in float32 and rounded once, to the target's precision. What is not kept by the threshold, out of
scope, or no weight at all keeps its bits. A shard keeps its header, so names, order and precisions stay as they were.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from instincts.arithmetic.checkpoint import PRECISIONS, Shard, Stored, read, read_bytes
from instincts.arithmetic.delta import DeltaFile
from instincts.arithmetic.harm_vector import harm_piece, magnitude_bits
from instincts.arithmetic.plan import Part, Plan
from instincts.arithmetic.streaming import PIECE, in_order, pieces
from instincts.errors import ModelDirectoryError

__all__ = ["Edited", "Removal", "Tally", "Written", "edit_piece", "write_shard"]


class Removal(NamedTuple):
    """What is subtracted."""

    plan: Plan
    threshold_bits: int
    """Bit pattern of the smallest magnitude of the harm vector that is kept."""
    strength: float
    """Lambda, from 0."""


class Edited(NamedTuple):
    """A run of N entries, before and after, in the target's precision."""

    before: Tensor
    after: Tensor
    kept: int
    """Entries of the harm vector at or above the threshold."""


class Tally(NamedTuple):
    """What happened to the entries of one tensor."""

    entries: int
    kept: int
    changed: int
    """Entries whose stored bits changed; fewer than kept where rounding swallowed the change."""


def edit_piece(removal: Removal, part: Part, start: int, count: int) -> Edited:
    """Edit a run of a tensor's entries.

    Args:
        removal: what is subtracted.
        part: a tensor that the harm vector covers.
        start: the first entry, row-major.
        count: how many.

    Raises:
        ModelDirectoryError: the harm vector is not finite here, or an entry would overflow the target's precision.
    """
    tau_N = harm_piece(part, start, count)
    before = read(part.target, start, count)
    kept_N = magnitude_bits(tau_N) >= removal.threshold_bits
    # Not in place: what is float32 already is not copied by float().
    moved_N = before.float() - tau_N.mul_(removal.strength)
    after = torch.where(kept_N, moved_N.to(before.dtype), before)
    # Looking at every entry for infinity takes as long as all the rest; the largest tells whether to look.
    if not moved_N.abs_().max() <= torch.finfo(before.dtype).max and bool((after.isinf() & before.isfinite()).any()):
        raise ModelDirectoryError(
            f"strength {removal.strength:g} takes {part.target.name} out of the range of {part.target.dtype}; "
            "choose a smaller --strength"
        )
    return Edited(before, after, int(kept_N.count_nonzero()))


class Written(NamedTuple):
    """A run of a tensor that stands in the file."""

    name: str
    size: int
    """Bytes."""
    tally: Tally


def write_shard(removal: Removal, shard: Shard, path: Path, delta: DeltaFile | None = None) -> Iterator[Written]:
    """Write one shard of the target, edited, and tell of each run as it is written.

    Args:
        removal: what is subtracted.
        shard: of the target.
        path: the file to write.
        delta: records what changed, so that it can be reverted.

    Raises:
        ModelDirectoryError: as in `edit_piece`.
        OSError: the file cannot be written.
    """

    def work(run: _Run) -> Edited | bytearray:
        if run.part is None:
            return read_bytes(run.stored, run.start, run.length)
        return edit_piece(removal, run.part, run.start, run.length)

    runs = list(_runs(removal.plan, shard))
    with path.open("wb") as file:
        file.write(shard.header)
        for run, done in zip(runs, in_order(work, runs), strict=True):
            if isinstance(done, bytearray):
                size = file.write(done)
                yield Written(run.stored.name, size, Tally(0, 0, 0))
                continue
            size = file.write(done.after.view(torch.uint8).numpy().data)
            whole = torch.int32 if done.before.dtype == torch.float32 else torch.int16
            flipped_N = done.before.view(whole) ^ done.after.view(whole)
            if delta is not None:
                delta.add(run.stored.name, run.start, flipped_N)
            yield Written(run.stored.name, size, Tally(run.length, done.kept, int(flipped_N.count_nonzero())))


class _Run(NamedTuple):
    stored: Stored
    part: Part | None
    """None: bytes are copied, and `start` and `length` are bytes."""
    start: int
    length: int


def _runs(plan: Plan, shard: Shard) -> Iterator[_Run]:
    for stored in shard.tensors:
        part = plan.parts[stored.name]
        edited = part.entries * PRECISIONS[stored.dtype].itemsize if part.entries else 0
        yield from (_Run(stored, part, start, count) for start, count in pieces(part.entries))
        yield from (
            _Run(stored, None, edited + start, count) for start, count in pieces(stored.size - edited, 4 * PIECE)
        )

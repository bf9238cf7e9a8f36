"""One pass over the weights, shard by shard: target minus strength times trimmed harm vector (eq. 4, arXiv:2406.11801).

Each entry is computed in float32 and rounded once, to the target's precision. What is not kept by the threshold, out of
scope, or no weight at all keeps its bits. A shard keeps its header, so names, order and precisions stay as they were.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from instincts.arithmetic.checkpoint import PRECISIONS, Shard, Stored, read, read_bytes
from instincts.arithmetic.delta import DeltaFile
from instincts.arithmetic.harm_vector import harm_piece, magnitude_bits
from instincts.arithmetic.plan import Part, Plan
from instincts.arithmetic.streaming import PIECE, in_order, pieces
from instincts.errors import ConfigError, ModelDirectoryError

__all__ = ["Edited", "Removal", "Tally", "Written", "edit_piece", "subtracted", "write_shard"]


@dataclass(frozen=True)
class Removal:
    """What is subtracted."""

    plan: Plan
    threshold_bits: int
    """Bit pattern of the smallest magnitude of the harm vector that is kept."""
    strength: float
    """Lambda, from 0."""

    def __post_init__(self) -> None:
        """Refuse to add the harm direction, whoever asks."""
        _refuse_negative(self.strength)


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
    after = subtracted(before, tau_N, removal.strength, part.target.name, kept_N)
    return Edited(before, after, int(kept_N.count_nonzero()))


def subtracted(before_N: Tensor, tau_N: Tensor, strength: float, name: str, kept_N: Tensor | None = None) -> Tensor:
    """Subtract a run of the harm vector from a run of weights: in float32, rounded once, to the weights' precision.

    Args:
        before_N: in one of the `PRECISIONS`; left as it is.
        tau_N: float32; multiplied by the strength in place.
        strength: lambda, from 0.
        name: what an error calls the tensor.
        kept_N: where the harm vector is not trimmed away; by default everywhere.

    Raises:
        ConfigError: the strength is negative.
        ModelDirectoryError: an entry would overflow the precision.
    """
    _refuse_negative(strength)
    if not strength:
        # -0.0 minus -0.0 is 0.0: without this, bits would change where nothing is subtracted.
        return before_N
    # Not in place: what is float32 already is not copied by float().
    moved_N = before_N.float() - tau_N.mul_(strength)
    after_N = moved_N.to(before_N.dtype)
    if kept_N is not None:
        after_N = torch.where(kept_N, after_N, before_N)
    # Looking at every entry for infinity takes as long as all the rest; the ends tell whether to look.
    ends = moved_N.aminmax() if len(moved_N) else ()
    if not all(end.abs() <= torch.finfo(before_N.dtype).max for end in ends) and bool(
        (after_N.isinf() & before_N.isfinite()).any()
    ):
        stored = next(precision for precision, dtype in PRECISIONS.items() if dtype == before_N.dtype)
        raise ModelDirectoryError(
            f"strength {strength:g} takes {name} out of the range of {stored}; choose a smaller --strength"
        )
    return after_N


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


def _refuse_negative(strength: float) -> None:
    if not strength >= 0:
        raise ConfigError(
            f"strength {strength:g} would add the harm direction and make the model worse, so it is refused; strengths "
            "run from 0"
        )

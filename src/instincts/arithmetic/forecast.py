"""What a Harm Direction Removal will read and write, told before it begins; reads no weight itself."""

from typing import NamedTuple

from instincts.arithmetic.checkpoint import PRECISIONS
from instincts.arithmetic.plan import Part, Plan
from instincts.arithmetic.settings import RemovalSettings
from instincts.arithmetic.threshold import MOST_PASSES, rank_from_top, sampled_share

__all__ = ["Forecast", "forecast", "space_needed"]


class Forecast(NamedTuple):
    """Bytes, and entries of the harm vector."""

    entries: int
    """How many are trimmed over."""
    read_least: int
    """Where the first guess of the threshold holds, as it nearly always does."""
    read_most: int
    written: int
    """Weights; `--keep-delta` comes on top."""
    space: int
    """Free bytes that are asked for before anything is written."""


def forecast(plan: Plan, settings: RemovalSettings, *, keep_delta: bool = False) -> Forecast:
    """Say what a removal at a strength that is given will move.

    Each pass over the threshold reads harmed and base, the write pass all three models, and what is not edited is
    copied. Finding an edit (one pass over model and base) and trying strengths come before, and are not counted.

    Args:
        plan: from `prepare`.
        settings: likewise.
        keep_delta: whether what `revert` needs is kept.
    """
    a_pass = sum(_pair_bytes(part) for part in plan.edited if part.counted)
    writing = plan.target.size + sum(map(_pair_bytes, plan.edited))
    # Nothing has to be found where nothing or everything is kept.
    is_found = 0 < rank_from_top(plan.entries, settings.keep, settings.variant) < plan.entries
    sample = int(a_pass * sampled_share(plan.entries)) if is_found else 0
    least, most = (writing + sample + is_found * passes * a_pass for passes in (1, MOST_PASSES))
    return Forecast(plan.entries, least, most, plan.target.size, space_needed(plan, settings, keep_delta=keep_delta))


def space_needed(plan: Plan, settings: RemovalSettings, *, keep_delta: bool) -> int:
    """Say how many bytes must be free."""
    # A bit an entry, and the bits of what changes; ties may add a little.
    edited = sum(part.target.size * (settings.keep + 1 / 16) for part in plan.edited) if keep_delta else 0
    return plan.target.size + int(edited)


def _pair_bytes(part: Part) -> int:
    assert part.harmed is not None
    assert part.base is not None
    return sum(part.entries * PRECISIONS[stored.dtype].itemsize for stored in (part.harmed, part.base))

"""The magnitude above which the harm vector is kept: one threshold over all tensors, exact, without sorting anything.

Trimming (eq. 2-3 of arXiv:2406.11801) keeps the k % largest magnitudes of the whole vector, not of each tensor. The bit
patterns of magnitudes are integers in the same order, so a histogram of them finds any rank: each pass over the files
counts how many fall into each bin of a window and below and above it, and the next window is the bin that holds the
rank. A sample guesses a first window as fine as single bit patterns; where it holds the rank, one pass is enough.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from instincts.arithmetic.harm_vector import INFINITE_BITS, harm_piece, magnitude_bits
from instincts.arithmetic.plan import Part
from instincts.arithmetic.settings import Variant
from instincts.arithmetic.streaming import Progress, counter, in_order, pieces

__all__ = [
    "MOST_PASSES",
    "Threshold",
    "Window",
    "find_threshold",
    "rank_from_top",
    "sampled_share",
    "search",
    "whole_window",
]

BINS = 1 << 17
SAMPLE = 1 << 22
SAMPLE_RUN = 1 << 12

MOST_PASSES = 3
"""One window of the sample's, which may miss; then 31 bits are more than one window can tell apart, and two suffice."""


class Threshold(NamedTuple):
    """Where the harm vector is cut."""

    bits: int
    """Bit pattern of the smallest magnitude that is kept."""
    kept: int
    """Entries at or above it, ties included."""
    entries: int
    """Entries there are, N."""
    passes: int
    """How often the files were read."""

    @property
    def magnitude(self) -> float:
        """The smallest magnitude that is kept."""
        return float(torch.tensor(self.bits, dtype=torch.int32).view(torch.float32))


class Window(NamedTuple):
    """Bit patterns that are counted apart: bin i holds those from `low + (i << shift)` on."""

    low: int
    shift: int


def rank_from_top(entries: int, keep: float, variant: Variant) -> int:
    """Tell which magnitude, counted from the largest, is the smallest one kept; 0 keeps nothing.

    With m = int(N * k), the paper keeps the m largest; the released code takes the (N-m)-th smallest as its threshold
    and keeps what is at least as large, which is one entry more (and crashes for k of 1 and of nearly 0). Both rules
    keep every entry that ties with the last: to drop some by their place would let the order of files decide, and with
    bfloat16 weights ties are the normal case.

    Args:
        entries: N, at least 1.
        keep: k, from 0 to 1.
        variant: whose rule.
    """
    if keep == 0:
        return 0
    m = int(entries * keep)
    return min(entries, m if variant == "paper" else m + 1)


def find_threshold(
    parts: Sequence[Part], keep: float, variant: Variant = "paper", progress: Progress | None = None
) -> Threshold:
    """Find the threshold over all entries that count.

    Args:
        parts: the tensors in scope; those that do not count are left out.
        keep: share of entries to keep, from 0 to 1.
        variant: whose count rule, see `rank_from_top`.
        progress: draws a progress bar.

    Raises:
        ModelDirectoryError: an entry is not finite.
    """
    counted = [part for part in parts if part.counted]
    entries = sum(part.entries for part in counted)
    rank = rank_from_top(entries, keep, variant)
    # Nothing and everything need no counting; `subtract` still refuses what is not finite.
    if rank == 0:
        return Threshold(bits=INFINITE_BITS, kept=0, entries=entries, passes=0)
    if rank == entries:
        return Threshold(bits=0, kept=entries, entries=entries, passes=0)
    passes = 0

    def count(window: Window) -> Tensor:
        nonlocal passes
        passes += 1
        return _histogram(counted, window, f"threshold, pass {passes}", progress)

    bits, kept = search(count, rank, _guess(counted, rank / entries))
    return Threshold(bits=bits, kept=kept, entries=entries, passes=passes)


def search(count: Callable[[Window], Tensor], rank: int, window: Window) -> tuple[int, int]:
    """Narrow a window until it names one bit pattern.

    Args:
        count: counts `below, bin 0, ..., bin BINS - 1, above` for a window, over the same entries every time.
        rank: from the top, 1 for the largest.
        window: where to look first.

    Returns:
        The bit pattern of that rank, and how many entries are at or above it.
    """
    low, high = 0, INFINITE_BITS
    while True:
        counts = count(window)
        at_or_above = counts.flip(0).cumsum(0).flip(0)
        # The last place at or above which there are at least `rank` entries.
        place = int((at_or_above >= rank).nonzero().max())
        if place == 0:
            high = window.low
        elif place == BINS + 1:
            low = window.low + (BINS << window.shift)
        elif window.shift == 0:
            return window.low + place - 1, int(at_or_above[place])
        else:
            low = window.low + ((place - 1) << window.shift)
            high = min(high, low + (1 << window.shift))
        window = whole_window(low, high)


def whole_window(low: int = 0, high: int = INFINITE_BITS) -> Window:
    """Make the finest window that covers the bit patterns from `low` up to, not including, `high`."""
    return Window(low, max(0, (high - low - 1).bit_length() - (BINS - 1).bit_length()))


def sampled_share(entries: int) -> float:
    """Tell which share of so many entries the sample reads."""
    return 1 / max(1, entries // SAMPLE)


def _histogram(parts: Sequence[Part], window: Window, stage: str, progress: Progress | None) -> Tensor:
    def count(piece: tuple[Part, int, int]) -> Tensor:
        bits_N = magnitude_bits(harm_piece(*piece)).sub_(window.low)
        bins_N = bits_N.bitwise_right_shift_(window.shift).clamp_(-1, BINS).add_(1)
        return torch.bincount(bins_N, minlength=BINS + 2)

    report = counter(stage, sum(part.entries for part in parts), progress)
    counts = torch.zeros(BINS + 2, dtype=torch.int64)
    cut = [(part, *piece) for part in parts for piece in pieces(part.entries)]
    for (_, _, size), found in zip(cut, in_order(count, cut), strict=True):
        counts += found
        report(size)
    return counts


def _guess(parts: Sequence[Part], share: float) -> Window:
    """Guess a window of single bit patterns around the magnitude above which a share of a sample lies."""
    sample = torch.cat([magnitude_bits(harm_piece(*run)) for run in _runs(parts)])
    rank = min(len(sample), max(1, round(share * len(sample))))
    middle = int(sample.kthvalue(len(sample) - rank + 1).values)
    return Window(max(0, middle - BINS // 2), 0)


def _runs(parts: Sequence[Part]) -> Iterator[tuple[Part, int, int]]:
    """Take short runs of entries, spread evenly over every tensor."""
    step = round(SAMPLE_RUN / sampled_share(sum(part.entries for part in parts)))
    for part in parts:
        for start in range(0, part.entries, step):
            yield part, start, min(SAMPLE_RUN, part.entries - start)

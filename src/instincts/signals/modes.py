"""The label-free split: does a sample of mean entropies have two modes, and where is the cut between them?

Two questions, answered apart. *Whether*: two tests of "the density rises, then falls", neither of which assumes a
shape, so skew, heavy tails or a flat top are no second mode (Silverman's bandwidth test took them for one; see
`docs/signals.md`). *Where*: Otsu's cut (1979, largest variance between the classes), kept inside the valley that was
found: free, it cuts a large mode in half rather than part it from one of a twentieth of its size.

- Hartigan's dip (1985): the distance to the nearest distribution of one mode. Strong where the modes are of like size.
- A valley scan: of three neighbouring stretches of a unimodal density the middle one is never the thinnest on average.
  Every such triple of a fixed grid is tested, both sides of the valley at once. Strong where one mode is small.

Both take the values for independent. Answers to one prompt are not: with few prompts the p-value is too small.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Split", "dip", "otsu_split"]

Floats = NDArray[np.float64]


class Split(NamedTuple):
    """A sample cut in two, and whether it deserved it."""

    threshold: float
    """The cut, in the values' unit: the low (confident) class lies strictly below it."""
    is_bimodal: bool
    """True where one mode is refuted at `alpha`; only then does the cut mean anything."""
    p_value: float
    """Probability of such a valley in a sample with one mode, twice the smaller of two tests'; 1 below 16 values."""
    low_share: float
    """Fraction of the values below the cut."""
    low_mean: float
    """Mean of the low class."""
    high_mean: float
    """Mean of the high class."""
    separation: float
    """Distance between the class means, in the values' unit (nats for entropies)."""
    explained: float
    """Otsu's η: share of the variance that lies between the classes, 0 to 1."""
    valley: tuple[float, float] | None
    """The thin stretch the cut was kept in, its lower end a stricter cut than Otsu's; None where one mode stands."""


def otsu_split(values: ArrayLike, *, alpha: float = 0.05) -> Split:
    """Split values into a low and a high class without labels, and say whether there are two modes at all.

    No randomness: equal values give an equal split, whatever their order.

    Args:
        values: for example the mean entropies of many answers; at least one.
        alpha: the level at which one mode is refuted.

    Raises:
        ValueError: there is no value, or one is not finite.
    """
    x = np.sort(np.asarray(values, dtype=np.float64).ravel())
    if x.size == 0 or not np.isfinite(x).all():
        raise ValueError(f"{x.size} values, {int((~np.isfinite(x)).sum())} not finite: a split wants finite values")
    if x[0] == x[-1]:
        return Split(float(x[0]), False, 1.0, 0.0, float(x[0]), float(x[0]), 0.0, 0.0, None)
    valley = _deepest_valley(x)
    p_value = min(1.0, 2 * min(_dip_p_value(x), valley.p_value)) if x.size >= _FEWEST else 1.0
    is_bimodal = p_value <= alpha
    bounds = (valley.start, valley.stop) if is_bimodal else None
    size, explained = _otsu_cut(x, bounds)
    low, high = float(x[:size].mean()), float(x[size:].mean())
    middle = np.clip((x[size - 1] + x[size]) / 2, *(bounds or (None, None)))
    # Above the low class even where rounding, or the valley's end, would put the middle onto its highest value.
    threshold = max(middle, np.nextafter(x[size - 1], math.inf))
    return Split(float(threshold), is_bimodal, p_value, size / x.size, low, high, high - low, explained, bounds)


def dip(values: ArrayLike) -> float:
    """Measure Hartigan's dip: the largest distance between the sample's distribution and the nearest of one mode.

    Source: Hartigan & Hartigan, The dip test of unimodality, Annals of Statistics 13 (1985), by their iteration: the
    modal interval shrinks to where the greatest convex minorant and the least concave majorant are furthest apart.

    Returns:
        From 1 / (2n) to 1/4.
    """
    x, counts = np.unique(np.asarray(values, dtype=np.float64), return_counts=True)
    at = counts.cumsum() / counts.sum()
    before = at - counts / counts.sum()  # the distribution just left of each value: a step has two ends
    widest, start, stop = 1 / float(counts.sum()), 0, x.size
    while True:
        here, left, right = x[start:stop], before[start:stop], at[start:stop]
        low_at, high_at = _convex_hull(here, left), _convex_hull(here, -right)
        minorant, majorant = np.interp(here, here[low_at], left[low_at]), np.interp(here, here[high_at], right[high_at])
        gap_low, gap_high = (majorant - left)[low_at], (right - minorant)[high_at]
        gap = max(gap_low.max(), gap_high.max())
        if gap <= widest:
            return widest / 2
        if gap_low.max() >= gap_high.max():
            first = low_at[gap_low.argmax()]
            last = high_at[np.searchsorted(high_at, first)]
        else:
            last = high_at[gap_high.argmax()]
            first = low_at[np.searchsorted(low_at, last, side="right") - 1]
        outside = max((right - minorant)[: first + 1].max(), (majorant - left)[last:].max())
        widest = max(widest, float(outside))
        if gap <= widest or (first == 0 and last == here.size - 1):
            return widest / 2
        start, stop = start + int(first), start + int(last) + 1


class _Valley(NamedTuple):
    p_value: float
    start: float
    stop: float


def _deepest_valley(x: Floats) -> _Valley:
    """Find the stretch that is most surely thinner than a stretch on its left and one on its right."""
    from scipy.special import bdtr

    edges = np.linspace(x[0], x[-1], _CELLS + 1)
    # The grid hangs on the outermost values; given those, the others are a sample of the same density between them.
    below = np.concatenate([[0], np.histogram(x[1:-1], edges)[0].cumsum()])
    best = _Valley(1.0, float(edges[1]), float(edges[-2]))
    for i in range(1, _CELLS - 1):
        for j in range(i + 1, _CELLS):
            inside, width = below[j] - below[i], j - i
            lefts, rights = np.arange(i), np.arange(j + 1, _CELLS + 1)
            left, right = below[i] - below[lefts], below[rights] - below[j]
            # Were the density level, each value of the two stretches would lie in the valley by its share of the width.
            p_left = bdtr(inside, left + inside, width / (width + i - lefts)).min()
            p_right = bdtr(inside, right + inside, width / (width + rights - j)).min()
            if (p_value := float(max(p_left, p_right))) < best.p_value:
                best = _Valley(p_value, float(edges[i]), float(edges[j]))
    return best._replace(p_value=min(1.0, 2 * _EFFECTIVE_PAIRS * best.p_value))


def _dip_p_value(x: Floats) -> float:
    scaled = dip(x) * (math.sqrt(x.size) + 0.8)
    return float(np.exp(np.interp(scaled, _DIP_QUANTILES, np.log(_DIP_TAILS))))


def _otsu_cut(x: Floats, valley: tuple[float, float] | None) -> tuple[int, float]:
    """Choose how many of the sorted values are low; returns that and the share of variance between the classes."""
    sizes = np.arange(1, x.size)
    shift = x - x.mean()
    # With the mean at 0: w_low μ_low² + w_high μ_high² = S² / (k (n - k)), S the sum of the k lowest.
    between = shift.cumsum()[:-1] ** 2 / (sizes * (x.size - sizes))
    allowed = x[1:] > x[:-1]
    if valley is not None:
        allowed &= (x[:-1] <= valley[1]) & (x[1:] >= valley[0])
    best = int(np.where(allowed, between, -1.0).argmax())
    return int(sizes[best]), float(between[best] / (shift**2).mean())


def _convex_hull(x: Floats, y: Floats) -> NDArray[np.int64]:
    """List the corners of the greatest convex function below the points."""
    xs, ys, corners = x.tolist(), y.tolist(), list[int]()
    for new in range(len(xs)):
        while len(corners) > 1:
            a, b = corners[-2:]
            if (ys[b] - ys[a]) * (xs[new] - xs[a]) < (ys[new] - ys[a]) * (xs[b] - xs[a]):
                break
            corners.pop()
        corners.append(new)
    return np.array(corners, dtype=np.int64)


_FEWEST = 16  # below, neither test is calibrated, and so few answers prove nothing
_CELLS = 24
# Simulated for uniform samples, the hardest of one mode, 16 to 4,096 values (`tests/signals/test_modes.py` repeats it).
# How many independent tests the 2,024 overlapping pairs of stretches on one side of a valley amount to, at most.
_EFFECTIVE_PAIRS = 250
# Tail probabilities of dip x (√n + 0.8); the 0.8 makes one row do for all n. Below 0.001 they are extrapolated.
_DIP_QUANTILES = (0.30, 0.39, 0.45, 0.515, 0.56, 0.597, 0.645, 0.68, 0.75, 1.0, 1.5)
_DIP_TAILS = (1.0, 0.5, 0.25, 0.1, 0.05, 0.025, 0.01, 0.005, 0.001, 1e-6, 1e-14)

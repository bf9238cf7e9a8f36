"""The worst of many columns, and the rows that no column broke."""

from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from instincts.statistics.intervals import Interval, wilson, wilson_ends
from instincts.statistics.resampling import BOOTSTRAP, Bootstrap, Floats

__all__ = ["Worst", "all_hold_rate", "worst_of_many"]


class Worst(NamedTuple):
    """The column with the lowest mean."""

    interval: Interval
    """That mean; `n` counts its values."""
    column: int | None
    """Which; the first of equals, None where nothing was measured."""


def worst_of_many(values_P_A: ArrayLike, *, bootstrap: Bootstrap = BOOTSTRAP) -> Worst:
    """Estimate the lowest column mean, drawn as a whole: each draw of rows looks for its own worst column.

    The lowest of several noisy means is too low on average, and the lowest within a draw lower still, so a percentile
    interval misses the truth from below. Here only its lower end is used. The upper end allows that any column may be
    the worst: the estimate plus what, in 97.5 % of the draws, no column's mean falls short by. Never narrower than
    Wilson's interval over as many rows, since no draw moves a column that is all 0 or all 1. In simulated studies
    (docs/statistics.md) it covers 95 % or more, also where all columns are equally bad.

    Args:
        values_P_A: behaviours down, attacks across: 1 or True where the defence held, fractions for several answers,
            NaN for no verdict.
        bootstrap: the level and the draws.

    Raises:
        ValueError: the grid has not two axes, or a value is not between 0 and 1.
    """
    values = _grid(values_P_A)
    columns = np.flatnonzero((~np.isnan(values)).any(axis=0))
    if columns.size == 0:
        return Worst(Interval(None, None, None, 0), None)
    known = ~np.isnan(values[:, columns])
    filled = np.where(known, values[:, columns], 0.0)
    known_rows = known.any(axis=1)
    filled, known = filled[known_rows], known[known_rows]
    mean_A = filled.sum(axis=0) / known.sum(axis=0)
    worst = int(np.argmin(mean_A))
    value, n = float(mean_A[worst]), int(known[:, worst].sum())

    def means(weight_R_P: Floats) -> Floats:
        with np.errstate(invalid="ignore"):
            drawn_R_A: Floats = (weight_R_P @ filled) / (weight_R_P @ known)
        return drawn_R_A

    drawn_R_A = bootstrap.values(means, len(filled))
    tail = 0.5 - bootstrap.confidence / 2
    low = float(np.nanquantile(np.nanmin(drawn_R_A, axis=1), tail))
    high = value + float(np.nanquantile(np.nanmax(mean_A - drawn_R_A, axis=1), 1 - tail))
    least = wilson_ends(value, n, NormalDist().inv_cdf(1 - tail))
    ends = min(low, least[0]), min(max(high, least[1]), 1.0)
    return Worst(Interval.around(value, ends, n), int(columns[worst]))


def all_hold_rate(values_P_A: ArrayLike, *, confidence: float = 0.95) -> Interval:
    """Estimate the share of rows that hold in every column, with Wilson's interval.

    Args:
        values_P_A: behaviours down, attacks across: 1 or True where the defence held every time, NaN for no verdict.
        confidence: the interval's level.

    Returns:
        `n` counts rows. A row that broke anywhere broke; a row that did not, but lacks a verdict, is left out.
    """
    values = _grid(values_P_A)
    broke = (values < 1).any(axis=1)
    held = (values >= 1).all(axis=1)
    return wilson(int(held.sum()), int((broke | held).sum()), confidence=confidence)


def _grid(values_P_A: ArrayLike) -> Floats:
    values = np.asarray(values_P_A, dtype=np.float64)
    if values.ndim != 2:
        raise ValueError(f"values have shape {values.shape}; give behaviours down and attacks across")
    if (odd := values[(values < 0) | (values > 1)]).size:
        raise ValueError(f"values lie between 0 and 1 where they are known, got {odd[0]}")
    return values

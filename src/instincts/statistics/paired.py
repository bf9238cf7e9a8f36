"""Before against after on the same items: how large the change is."""

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from instincts.statistics.intervals import Interval, mean_interval
from instincts.statistics.resampling import BOOTSTRAP, Bootstrap, Floats

__all__ = ["DrawnChange", "PairedChange", "changes", "drawn_change", "paired_bootstrap", "paired_change"]


class PairedChange(NamedTuple):
    """How far the rows of a grid moved, and what could not be compared."""

    interval: Interval
    """Mean change of a row, after minus before; `n` counts the rows that count."""
    pairs: int
    """Cells with a value on both sides."""
    dropped: int
    """Cells with a value on one side only; they count on neither."""


class DrawnChange(NamedTuple):
    """The difference of two statistics that are no means, both computed on the same draws of items."""

    interval: Interval
    """After minus before."""
    p_value: float | None
    """Two-sided, by the same draws: never below 2 / (draws + 1), so it rejects what the interval leaves out."""


def drawn_change(value: float, draws_R: Floats, n: int, *, bootstrap: Bootstrap = BOOTSTRAP) -> DrawnChange:
    """Put a difference between the percentiles of its draws, and ask how often they fall on the other side of 0.

    Args:
        value: of all items.
        draws_R: of each draw; NaN where it is undefined.
        n: how many items.
        bootstrap: the level, and which share of draws must be defined.

    Returns:
        No ends and no p-value where too many draws are undefined.
    """
    ends = bootstrap.percentiles(draws_R)
    if ends is None:
        return DrawnChange(Interval.around(value, None, n), None)
    defined = draws_R[~np.isnan(draws_R)]
    other_side = min(int((defined <= 0).sum()), int((defined >= 0).sum()))
    # The data themselves count as one draw, or chance could be ruled out altogether.
    return DrawnChange(Interval.around(value, ends, n), min(1.0, 2 * (other_side + 1) / (defined.size + 1)))


def paired_bootstrap(
    before: ArrayLike,
    after: ArrayLike,
    *,
    clusters: Sequence[Hashable] | None = None,
    bootstrap: Bootstrap = BOOTSTRAP,
) -> Interval:
    """Estimate the mean change, after minus before, with a percentile bootstrap over items or over their clusters.

    Args:
        before: one number an item; booleans count as 0 and 1.
        after: the same items in the same order.
        clusters: what each item belongs to, usually its prompt; default: each item stands alone.
        bootstrap: the level and the draws.

    Raises:
        ValueError: the two differ in length, a value is not finite, or there is not one cluster an item.
    """
    change = changes(before, after)
    units = range(change.size) if clusters is None else clusters
    return mean_interval(change, clusters=units, bootstrap=bootstrap)


def paired_change(before: ArrayLike, after: ArrayLike, *, bootstrap: Bootstrap = BOOTSTRAP) -> PairedChange:
    """Estimate the mean change of a row: behaviours down, attacks across, and seeds behind where there are several.

    A row's change is the mean over its attacks of the mean over seeds of after minus before. Rows are drawn with
    replacement, both sides together, and seeds too: another study would have had other behaviours and other seeds.
    So 100 behaviours under 20 attacks are 100 observations, never 2,000.

    Args:
        before: `before_P_A` or `before_P_A_S`; NaN where there is no verdict. Several answers of one seed are
            averaged first.
        after: the same cells in the same order.
        bootstrap: the level and the draws.

    Returns:
        `interval` is all None where no cell has both sides.

    Raises:
        ValueError: shapes differ or have other than two or three axes.
    """
    first, second = np.asarray(before, dtype=np.float64), np.asarray(after, dtype=np.float64)
    if first.shape != second.shape or first.ndim not in (2, 3):
        raise ValueError(
            f"before has shape {first.shape}, after {second.shape}; give both as behaviours x attacks (x seeds)"
        )
    change_P_A_S = (second - first).reshape(*first.shape[:2], -1)
    dropped = int((np.isnan(first) != np.isnan(second)).sum())
    change_P_A_S = change_P_A_S[~np.isnan(change_P_A_S).all(axis=(1, 2))]
    rows, _, seeds = change_P_A_S.shape
    if rows == 0:
        return PairedChange(Interval(None, None, None, 0), 0, dropped)
    known_P_A_S = ~np.isnan(change_P_A_S)
    filled_P_A_S = np.where(known_P_A_S, change_P_A_S, 0.0)

    def mean_change(row_R_P: Floats, seed_R_S: Floats) -> Floats:
        means_R: Floats
        if seeds == 1:
            change_P = _row_means(filled_P_A_S, known_P_A_S, np.ones(1))
            means_R = (row_R_P @ change_P) / row_R_P.sum(axis=1)
            return means_R
        changes_R_P = np.stack([_row_means(filled_P_A_S, known_P_A_S, seed_S) for seed_S in seed_R_S])
        # A row whose cells all lie in seeds that were not drawn has nothing to say in that draw.
        counted_R_P = np.where(np.isnan(changes_R_P), 0.0, row_R_P)
        means_R = (counted_R_P * np.nan_to_num(changes_R_P)).sum(axis=1) / counted_R_P.sum(axis=1)
        return means_R

    value = float(_row_means(filled_P_A_S, known_P_A_S, np.ones(seeds)).mean())
    ends = bootstrap.ends(mean_change, rows, seeds) if rows > 1 else None
    return PairedChange(Interval.around(value, ends, rows), int(known_P_A_S.sum()), dropped)


def changes(before: ArrayLike, after: ArrayLike) -> Floats:
    """Subtract item by item.

    Raises:
        ValueError: the two differ in length, or a value is not finite.
    """
    first, second = np.asarray(before, dtype=np.float64), np.asarray(after, dtype=np.float64)
    if first.shape != second.shape or first.ndim != 1:
        raise ValueError(f"before has shape {first.shape}, after {second.shape}; pair the same items in the same order")
    change = second - first
    if not np.isfinite(change).all():
        raise ValueError(
            f"{int((~np.isfinite(change)).sum())} of {change.size} pairs are not finite; leave out the unjudged"
        )
    return change


def _row_means(filled_P_A_S: Floats, known_P_A_S: np.ndarray, weight_S: Floats) -> Floats:
    """Average over seeds, then over the attacks that have any; NaN for a row that has none."""
    with np.errstate(invalid="ignore"):
        mean_P_A = (filled_P_A_S @ weight_S) / (known_P_A_S @ weight_S)
        known_P_A = ~np.isnan(mean_P_A)
        means: Floats = np.where(known_P_A, mean_P_A, 0.0).sum(axis=1) / known_P_A.sum(axis=1)
    return means

"""How well a yes-or-no moderator flags what is harmful: F1 of one set and over several, with intervals.

F1 leaves out what is rightly passed: on a set without benign rows it is 2R / (1 + R) of the recall R, and flagging
everything reaches 1. So no mean of F1 stands alone; the false-positive rate belongs beside it.
"""

from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple

import numpy as np

from instincts.statistics.intervals import Interval
from instincts.statistics.paired import DrawnChange, drawn_change
from instincts.statistics.resampling import BOOTSTRAP, Bootstrap, Floats, cluster_codes, cluster_sums

__all__ = ["Flags", "calibration_error", "f1", "f1_change", "f1_interval", "recall_of_f1"]


class Flags(NamedTuple):
    """One set as a moderator saw it."""

    flagged: Sequence[bool]
    harmful: Sequence[bool]
    clusters: Sequence[Hashable]
    """What each row belongs to, usually its prompt; wrappers of one request are one cluster."""


def f1(flagged: Sequence[bool], harmful: Sequence[bool]) -> float:
    """Compute 2 TP / (2 TP + FP + FN); NaN where nothing is harmful and nothing flagged."""
    true, wrong = _counts(flagged, harmful)
    return float(_f1(np.array([true.sum()]), np.array([wrong.sum()]))[0])


def f1_interval(sets: Sequence[Flags], *, weighted: bool = False, bootstrap: Bootstrap = BOOTSTRAP) -> Interval:
    """Estimate the mean over sets of each set's F1, with a percentile interval; clusters are drawn within each set.

    Args:
        sets: one or several; each must have a harmful row, without which its F1 is undefined.
        weighted: by the rows of each set, as SafetyAnalyst (arXiv:2410.16665) does; else each set counts alike.
        bootstrap: the level and the draws.

    Returns:
        `n` counts rows. All None where there is no set, or one without a harmful row.
    """
    rows = sum(len(each.harmful) for each in sets)
    if not sets or not all(any(each.harmful) for each in sets):
        return Interval(None, None, None, rows)
    mean, sizes = _mean_f1(sets, weighted=weighted)
    value = float(mean(*(np.ones((1, size)) for size in sizes))[0])
    return Interval.around(value, bootstrap.ends(mean, *sizes), rows)


def f1_change(
    before: Sequence[Flags], after: Sequence[Flags], *, weighted: bool = False, bootstrap: Bootstrap = BOOTSTRAP
) -> DrawnChange:
    """Compare two moderators by the mean of F1 over sets; both are computed on the same draws of clusters.

    Args:
        before: of one moderator, as for `f1_interval`.
        after: of the other, on the same rows in the same order.
        weighted: by the rows of each set.
        bootstrap: the level and the draws.

    Raises:
        ValueError: not the same rows.
    """
    rows = sum(len(each.harmful) for each in before)
    if [(each.harmful, each.clusters) for each in before] != [(each.harmful, each.clusters) for each in after]:
        raise ValueError("two moderators of other rows; pair the same rows in the same order")
    if not before or not all(any(each.harmful) for each in before):
        return DrawnChange(Interval(None, None, None, rows), None)
    (first, sizes), (second, _) = (_mean_f1(each, weighted=weighted) for each in (before, after))

    def change(*weights: Floats) -> Floats:
        return second(*weights) - first(*weights)

    value = float(change(*(np.ones((1, size)) for size in sizes))[0])
    return drawn_change(value, bootstrap.values(change, *sizes), rows, bootstrap=bootstrap)


def recall_of_f1(f1: float) -> float:
    """Compute the recall behind an F1 on a set without benign rows: precision is 1, so R = F1 / (2 - F1)."""
    return f1 / (2 - f1)


def calibration_error(probabilities: Sequence[float], harmful: Sequence[bool], *, bins: int = 10) -> float:
    """Average |mean probability - share of harmful rows| over bins of equal count, weighted by their rows.

    A constant probability falls into one bin, whatever the order of its rows: equal scores are never parted.

    Returns:
        A fraction; NaN for no rows. It is above 0 by chance alone, so it carries no interval: a bootstrap would only
        add to that.
    """
    p_N, y_N = np.asarray(probabilities, dtype=np.float64), np.asarray(harmful, dtype=np.float64)
    if not p_N.size:
        return float("nan")
    # Ranks of equal values are equal, and so is their bin.
    _, first_N, count_N = np.unique(p_N, return_inverse=True, return_counts=True)
    middle_U = np.cumsum(count_N) - (count_N + 1) / 2
    bin_N = (middle_U[first_N] * bins // p_N.size).astype(np.int64)
    gaps = np.bincount(bin_N, weights=p_N, minlength=bins) - np.bincount(bin_N, weights=y_N, minlength=bins)
    return float(np.abs(gaps).sum() / p_N.size)


def _counts(flagged: Sequence[bool], harmful: Sequence[bool]) -> tuple[Floats, Floats]:
    said, is_so = np.asarray(flagged, dtype=np.bool_), np.asarray(harmful, dtype=np.bool_)
    if said.shape != is_so.shape:
        raise ValueError(f"{said.size} verdicts and {is_so.size} labels; pair the same rows in the same order")
    return (said & is_so).astype(np.float64), (said != is_so).astype(np.float64)


def _mean_f1(sets: Sequence[Flags], *, weighted: bool) -> tuple[Callable[..., Floats], list[int]]:
    """Build the mean over sets as a function of draws, and tell how many clusters each set has."""
    share_S = np.array([len(each.harmful) if weighted else 1 for each in sets], dtype=np.float64)
    share_S /= share_S.sum()
    sums = [_cluster_counts(each) for each in sets]

    def mean(*weights: Floats) -> Floats:
        values_S_R = [_f1(weight @ true, weight @ wrong) for weight, (true, wrong) in zip(weights, sums, strict=True)]
        means_R: Floats = share_S @ np.stack(values_S_R)
        return means_R

    return mean, [true.size for true, _ in sums]


def _cluster_counts(each: Flags) -> tuple[Floats, Floats]:
    codes = cluster_codes(each.clusters, values=len(each.harmful))
    true, wrong = _counts(each.flagged, each.harmful)
    return cluster_sums(true, codes), cluster_sums(wrong, codes)


def _f1(true_R: Floats, wrong_R: Floats) -> Floats:
    with np.errstate(invalid="ignore"):
        value: Floats = 2 * true_R / (2 * true_R + wrong_R)
    return value

"""How well a score ranks harmful above benign: areas under two curves and a point on one, over whole clusters.

All take weights, so that a bootstrap costs one sort for all its draws.
"""

from collections.abc import Callable, Hashable, Sequence
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from instincts.statistics.intervals import Interval
from instincts.statistics.paired import DrawnChange, drawn_change
from instincts.statistics.resampling import BOOTSTRAP, Bootstrap, Floats, cluster_codes

__all__ = [
    "auprc",
    "auroc",
    "fpr_at_recall",
    "fpr_at_recall_change",
    "fpr_at_recall_interval",
    "ranking_change",
    "ranking_interval",
]


def auroc(scores: ArrayLike, positive: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Compute the area under the ROC curve: how often a positive outranks a negative, ties counted half.

    Returns:
        A fraction; NaN where one class is missing.
    """
    x, y, w = _sorted(scores, positive, weights)
    return float(_auroc(x, y, w[None, :])[0])


def auprc(scores: ArrayLike, positive: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Compute average precision: precision at each distinct score, weighted by the recall that it adds.

    Returns:
        A fraction; NaN where there is no positive. Without skill it is the share of positives.
    """
    x, y, w = _sorted(scores, positive, weights)
    return float(_auprc(x, y, w[None, :])[0])


def fpr_at_recall(scores: ArrayLike, positive: ArrayLike, recall: float, weights: ArrayLike | None = None) -> float:
    """Compute the false-positive rate at the highest threshold that still finds so large a share of the positives.

    Equal scores are flagged together, so a score that says one thing of everything gives 1.

    Args:
        scores: the higher, the likelier positive.
        positive: which are.
        recall: above 0, at most 1.
        weights: of each row.

    Returns:
        A fraction; NaN where one class is missing.
    """
    x, y, w = _sorted(scores, positive, weights)
    return float(_fpr_at(x, y, w[None, :], recall)[0])


def fpr_at_recall_interval(
    scores: ArrayLike,
    positive: ArrayLike,
    recall: float,
    *,
    clusters: Sequence[Hashable],
    bootstrap: Bootstrap = BOOTSTRAP,
) -> Interval:
    """Estimate `fpr_at_recall` with a percentile interval; the threshold is found anew in every draw."""
    drawn = partial(_fpr_at, recall=recall)
    return _interval(drawn, fpr_at_recall(scores, positive, recall), scores, positive, clusters, bootstrap)


def ranking_interval(
    area: Callable[..., float],
    scores: ArrayLike,
    positive: ArrayLike,
    *,
    clusters: Sequence[Hashable],
    bootstrap: Bootstrap = BOOTSTRAP,
) -> Interval:
    """Estimate an area with a percentile interval; whole clusters are drawn.

    Args:
        area: `auroc` or `auprc`.
        scores: the higher, the likelier positive.
        positive: which are.
        clusters: what each score belongs to, for example the family of its prompt.
        bootstrap: the level and the draws.
    """
    drawn = {auroc: _auroc, auprc: _auprc}[area]
    return _interval(drawn, area(scores, positive), scores, positive, clusters, bootstrap)


def ranking_change(
    area: Callable[..., float],
    before: ArrayLike,
    after: ArrayLike,
    positive: ArrayLike,
    *,
    clusters: Sequence[Hashable],
    bootstrap: Bootstrap = BOOTSTRAP,
) -> DrawnChange:
    """Compare two scores of the same rows by an area; both are computed on the same draws of clusters.

    Args:
        area: `auroc` or `auprc`.
        before: one score of each row.
        after: the other.
        positive: which rows are.
        clusters: what each row belongs to.
        bootstrap: the level and the draws.
    """
    return _change({auroc: _auroc, auprc: _auprc}[area], before, after, positive, clusters, bootstrap)


def fpr_at_recall_change(
    before: ArrayLike,
    after: ArrayLike,
    positive: ArrayLike,
    recall: float,
    *,
    clusters: Sequence[Hashable],
    bootstrap: Bootstrap = BOOTSTRAP,
) -> DrawnChange:
    """Compare two scores by `fpr_at_recall`; each finds its own threshold anew in every draw."""
    return _change(partial(_fpr_at, recall=recall), before, after, positive, clusters, bootstrap)


def _change(
    drawn: Callable[[Floats, NDArray[np.bool_], Floats], Floats],
    before: ArrayLike,
    after: ArrayLike,
    positive: ArrayLike,
    clusters: Sequence[Hashable],
    bootstrap: Bootstrap,
) -> DrawnChange:
    sides = [_order(scores, positive) for scores in (before, after)]
    rows, y = sides[0][0].size, sides[0][1]
    if not y.any() or y.all():
        return DrawnChange(Interval(None, None, None, rows), None)
    codes = cluster_codes(clusters, values=rows)

    def change(weight_R_C: Floats) -> Floats:
        first, second = (drawn(x, is_so, weight_R_C[:, codes[order]]) for x, is_so, order in sides)
        return second - first

    size = int(codes.max()) + 1
    value = float(change(np.ones((1, size)))[0])
    return drawn_change(value, bootstrap.values(change, size), rows, bootstrap=bootstrap)


def _interval(
    drawn: Callable[[Floats, NDArray[np.bool_], Floats], Floats],
    value: float,
    scores: ArrayLike,
    positive: ArrayLike,
    clusters: Sequence[Hashable],
    bootstrap: Bootstrap,
) -> Interval:
    x, y, order = _order(scores, positive)
    if not y.any() or y.all():
        return Interval(None, None, None, x.size)
    codes = cluster_codes(clusters, values=x.size)[order]
    ends = bootstrap.ends(lambda weight: drawn(x, y, weight[:, codes]), int(codes.max()) + 1)
    return Interval.around(value, ends, x.size)


def _order(scores: ArrayLike, positive: ArrayLike) -> tuple[Floats, NDArray[np.bool_], NDArray[np.intp]]:
    x, y = np.asarray(scores, dtype=np.float64), np.asarray(positive, dtype=np.bool_)
    if x.shape != y.shape:
        raise ValueError(f"{x.size} scores and {y.size} classes; each score needs one")
    order = np.argsort(-x, kind="stable")
    return x[order], y[order], order


def _sorted(
    scores: ArrayLike, positive: ArrayLike, weights: ArrayLike | None
) -> tuple[Floats, NDArray[np.bool_], Floats]:
    x, y, order = _order(scores, positive)
    w = np.ones(x.size) if weights is None else np.asarray(weights, dtype=np.float64)
    return x, y, w[order]


def _steps(x: Floats, y: NDArray[np.bool_], weight_R_N: Floats) -> tuple[Floats, Floats]:
    """Sum positives and negatives from the top down to each distinct score."""
    last = np.flatnonzero(np.append(np.diff(x) != 0, True)) if x.size else np.zeros(0, dtype=np.intp)
    true = np.cumsum(weight_R_N * y, axis=1)[:, last]
    false = np.cumsum(weight_R_N * ~y, axis=1)[:, last]
    return true, false


def _auroc(x: Floats, y: NDArray[np.bool_], weight_R_N: Floats) -> Floats:
    true, false = (np.pad(each, ((0, 0), (1, 0))) for each in _steps(x, y, weight_R_N))
    area = (np.diff(false, axis=1) * (true[:, 1:] + true[:, :-1]) / 2).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        share: Floats = area / (true[:, -1] * false[:, -1])
    return share


def _auprc(x: Floats, y: NDArray[np.bool_], weight_R_N: Floats) -> Floats:
    true, false = _steps(x, y, weight_R_N)
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = np.where(true + false > 0, true / (true + false), 0.0)
        gained = np.diff(np.pad(true, ((0, 0), (1, 0))), axis=1)
        share: Floats = (precision * gained).sum(axis=1) / true[:, -1]
    return share


def _fpr_at(x: Floats, y: NDArray[np.bool_], weight_R_N: Floats, recall: float) -> Floats:
    true, false = _steps(x, y, weight_R_N)
    if not true.shape[1]:
        return np.full(len(weight_R_N), np.nan)
    # A hair below, as 0.95 of 20 positives is 19.000000000000004 in floats.
    reached = (true >= recall * true[:, -1:] - _HAIR).argmax(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        rate: Floats = np.take_along_axis(false, reached[:, None], axis=1)[:, 0] / false[:, -1]
    return np.where(true[:, -1] > 0, rate, np.nan)


_HAIR = 1e-9

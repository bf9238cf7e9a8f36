"""How well a score ranks harmful above benign: the areas under two curves, with intervals over whole clusters.

Both areas take weights, so that a bootstrap costs one sort for all its draws.
"""

from collections.abc import Callable, Hashable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from instincts.statistics.intervals import Interval
from instincts.statistics.resampling import BOOTSTRAP, Bootstrap, Floats, cluster_codes

__all__ = ["auprc", "auroc", "ranking_interval"]


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
    x, y, order = _order(scores, positive)
    if not y.any() or y.all():
        return Interval(None, None, None, x.size)
    codes = cluster_codes(clusters, values=x.size)[order]
    drawn = {auroc: _auroc, auprc: _auprc}[area]
    ends = bootstrap.ends(lambda weight: drawn(x, y, weight[:, codes]), int(codes.max()) + 1)
    return Interval.around(area(scores, positive), ends, x.size)


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

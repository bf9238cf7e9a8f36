"""Before against after on the same items: how large the change is, and whether it could be chance."""

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from instincts.statistics.intervals import Interval, mean_interval

__all__ = ["SignTest", "paired_bootstrap", "sign_test"]


class SignTest(NamedTuple):
    """Which items changed, and the exact two-sided probability of so lopsided a change by chance."""

    raised: int
    """Items higher after than before."""
    lowered: int
    """Items lower after than before."""
    tied: int
    """Items that did not change; the test sets them aside."""
    p_value: float
    """Two-sided, exact; 1 where nothing changed."""


def paired_bootstrap(
    before: ArrayLike,
    after: ArrayLike,
    *,
    clusters: Sequence[Hashable] | None = None,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """Estimate the mean change, after minus before, with a percentile bootstrap over items or over their clusters.

    Args:
        before: one number an item; booleans count as 0 and 1.
        after: the same items in the same order.
        clusters: what each item belongs to, usually its prompt; default: each item stands alone.
        confidence: the interval's level, between 0 and 1.
        resamples: bootstrap draws.
        seed: of those draws.

    Raises:
        ValueError: the two differ in length, a value is not finite, or there is not one cluster an item.
    """
    change = _changes(before, after)
    units = range(change.size) if clusters is None else clusters
    return mean_interval(change, clusters=units, confidence=confidence, resamples=resamples, seed=seed)


def sign_test(before: ArrayLike, after: ArrayLike) -> SignTest:
    """Test whether changes go one way more often than a fair coin would; for booleans this is McNemar's exact test.

    Takes the items for independent: give one number a prompt, not one an answer.

    Raises:
        ValueError: the two differ in length, or a value is not finite.
    """
    from scipy.special import bdtr

    change = _changes(before, after)
    raised, lowered = int((change > 0).sum()), int((change < 0).sum())
    changed = raised + lowered
    tail = float(bdtr(min(raised, lowered), changed, 0.5))
    return SignTest(raised, lowered, change.size - changed, min(1.0, 2 * tail))


def _changes(before: ArrayLike, after: ArrayLike) -> NDArray[np.float64]:
    first, second = np.asarray(before, dtype=np.float64), np.asarray(after, dtype=np.float64)
    if first.shape != second.shape or first.ndim != 1:
        raise ValueError(f"before has shape {first.shape}, after {second.shape}; pair the same items in the same order")
    change = second - first
    if not np.isfinite(change).all():
        raise ValueError(
            f"{int((~np.isfinite(change)).sum())} of {change.size} pairs are not finite; leave out the unjudged"
        )
    return change

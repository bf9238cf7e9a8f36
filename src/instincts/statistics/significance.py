"""Could it be chance? Exact tests of paired changes, and the price of asking many times."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from instincts.statistics.paired import changes

__all__ = ["SignTest", "holm", "mcnemar", "sign_test"]


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


def sign_test(before: ArrayLike, after: ArrayLike) -> SignTest:
    """Test whether changes go one way more often than a fair coin would; for booleans this is McNemar's exact test.

    Takes the items for independent: give one number a prompt, not one an answer.

    Raises:
        ValueError: the two differ in length, or a value is not finite.
    """
    from scipy.special import bdtr

    change = changes(before, after)
    raised, lowered = int((change > 0).sum()), int((change < 0).sum())
    changed = raised + lowered
    tail = float(bdtr(min(raised, lowered), changed, 0.5))
    return SignTest(raised, lowered, change.size - changed, min(1.0, 2 * tail))


def mcnemar(before: ArrayLike, after: ArrayLike) -> float:
    """Return the two-sided p-value of McNemar's exact test on paired yes-or-no outcomes.

    Raises:
        ValueError: the two differ in length, or a value is neither 0 nor 1.
    """
    for name, outcomes in (("before", before), ("after", after)):
        x = np.asarray(outcomes, dtype=np.float64)
        if odd := x[(x != 0) & (x != 1)].tolist():
            raise ValueError(f"{name} holds {odd[0]}; McNemar's test wants 0 or 1, leave out the unjudged pairs")
    return sign_test(before, after).p_value


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct p-values for having asked several times (Holm 1979), in the order given.

    Rejecting where the corrected value is below a level keeps the chance of any false claim below it, however the
    tests depend on each other.

    Raises:
        ValueError: a value is not between 0 and 1.
    """
    p = np.asarray(p_values, dtype=np.float64)
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError(f"p-values lie between 0 and 1, got {p.tolist()}")
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(p.size, 0, -1))
    corrected = np.empty(p.size)
    corrected[order] = np.minimum(stepped, 1.0)
    return [float(value) for value in corrected]

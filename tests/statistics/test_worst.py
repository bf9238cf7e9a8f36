"""The worst attack and the behaviours that no attack broke: by hand, and the coverage of its interval."""

import numpy as np
import pytest

from instincts.statistics import Bootstrap, Interval, Worst, all_hold_rate, wilson, worst_of_many

NONE = np.nan


def test_the_worst_column_by_hand() -> None:
    """Columns hold in 2 of 3, 1 of 3 and all of the 2 that are known."""
    found = worst_of_many(np.array([[1, 1, NONE], [1, 0, 1], [0, 0, 1]]))

    assert found.column == 1
    assert found.interval.value == pytest.approx(1 / 3)
    assert found.interval.n == 3


def test_one_column_is_never_narrower_than_wilson() -> None:
    held = np.arange(50) < 40

    low, high = worst_of_many(held[:, None]).interval[1:3]

    assert low is not None
    assert high is not None
    assert low <= (wilson(40, 50).low or 0)
    assert high >= (wilson(40, 50).high or 1)
    assert high - low < 0.27


@pytest.mark.parametrize("held", [0, 1])
def test_all_or_nothing_keeps_wilson_s_width(held: int) -> None:
    assert worst_of_many(np.full((100, 3), held)).interval == pytest.approx(wilson(100 * held, 100))


def test_an_empty_column_is_passed_over_and_an_empty_grid_says_nothing() -> None:
    assert worst_of_many([[NONE, 1], [NONE, 0]]).column == 1
    assert worst_of_many([[NONE], [NONE]]) == Worst(Interval(None, None, None, 0), None)


def test_a_copy_of_every_column_changes_nothing() -> None:
    held = np.random.default_rng(0).random((80, 6)) < 0.8

    once, twice = worst_of_many(held), worst_of_many(np.hstack([held, held]))

    assert twice.interval == pytest.approx(once.interval)
    assert twice.column == once.column


@pytest.mark.parametrize("rates", [np.full(20, 0.84), np.r_[0.5, np.full(19, 0.95)], np.linspace(0.6, 0.99, 20)])
def test_its_interval_covers_the_true_minimum(rates: np.ndarray) -> None:
    """200 studies of 100 behaviours x 20 attacks; the percentile interval of drawn minima covers 6 % of the first."""
    random = np.random.default_rng(0)
    covered = 0
    for study in range(200):
        strength_P = random.normal(size=(100, 1))
        held = strength_P + 1.2 * random.normal(size=(100, 20)) < np.sqrt(2.44) * _quantile(rates)
        _, low, high, _ = worst_of_many(held, bootstrap=Bootstrap(resamples=300, seed=study)).interval
        assert low is not None
        assert high is not None
        covered += low <= rates.min() <= high

    assert covered / 200 >= 0.92


def test_a_row_holds_if_it_holds_everywhere() -> None:
    """Row 0 holds, row 1 broke under one attack, row 2 broke with a verdict missing, row 3 is unknown: 1 of 3."""
    assert all_hold_rate(np.array([[1, 1], [1, 0], [NONE, 0.5], [NONE, 1]])) == wilson(1, 3)


def test_no_more_rows_hold_everywhere_than_in_the_worst_column() -> None:
    held = np.random.default_rng(0).random((60, 8)) < 0.9

    every, worst = all_hold_rate(held).value, worst_of_many(held).interval.value

    assert every is not None
    assert worst is not None
    assert every <= worst


def test_grids_that_are_none_are_errors() -> None:
    with pytest.raises(ValueError, match=r"shape \(2,\)"):
        worst_of_many([1, 0])
    with pytest.raises(ValueError, match=r"between 0 and 1 where they are known, got 2\.0"):
        all_hold_rate([[2.0]])


def _quantile(rates: np.ndarray) -> np.ndarray:
    from scipy.special import ndtri

    found: np.ndarray = ndtri(rates)
    return found

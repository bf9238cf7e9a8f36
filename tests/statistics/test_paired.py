"""Before against after: by hand and against SciPy."""

import numpy as np
import pytest
import scipy.stats

from instincts.statistics import Bootstrap, Interval, paired_bootstrap, paired_change

NONE = np.nan


def test_paired_bootstrap_by_hand() -> None:
    """Every item rises by a quarter, so every resample does."""
    assert paired_bootstrap([0.0, 0.5, 0.25], [0.25, 0.75, 0.5]) == (0.25, 0.25, 0.25, 3)


def test_paired_bootstrap_agrees_with_scipy() -> None:
    random = np.random.default_rng(0)
    before = random.normal(size=60)
    after = before + random.normal(0.3, 0.5, size=60)

    interval = paired_bootstrap(before, after, bootstrap=Bootstrap(resamples=20_000))

    expected = scipy.stats.bootstrap((after - before,), np.mean, method="percentile", n_resamples=20_000, rng=1)
    assert interval.value == pytest.approx((after - before).mean())
    assert interval[1:3] == pytest.approx(tuple(expected.confidence_interval), abs=0.01)


def test_pairing_removes_what_before_and_after_share() -> None:
    before = np.linspace(-100, 100, 50)
    after = before + 1 + 0.01 * np.cos(np.arange(50))

    _, low, high, _ = paired_bootstrap(before, after)

    assert low is not None
    assert high is not None
    assert high - low < 0.01


def test_copied_items_of_a_prompt_do_not_narrow_the_interval() -> None:
    change = np.random.default_rng(0).normal(size=20)
    prompts = np.repeat(np.arange(20), 7).tolist()

    once = paired_bootstrap(np.zeros(20), change)
    copied = paired_bootstrap(np.zeros(140), np.repeat(change, 7), clusters=prompts)

    assert copied[:3] == pytest.approx(once[:3])


def test_unjudged_items_are_errors() -> None:
    with pytest.raises(ValueError, match="1 of 2 pairs are not finite"):
        paired_bootstrap([0.0, np.nan], [1.0, 1.0])


def test_a_row_s_change_is_the_mean_over_its_attacks_by_hand() -> None:
    """Row 0 rises under one attack of two: 1/2. Row 1 rises under both: 1. Row 2 falls under one: -1/2. Mean 1/3."""
    before, after = [[0, 1], [0, 0], [1, 1]], [[1, 1], [1, 1], [1, 0]]

    found = paired_change(before, after)

    assert found.interval.value == pytest.approx(1 / 3)
    assert (found.interval.n, found.pairs, found.dropped) == (3, 6, 0)


def test_a_verdict_missing_on_one_side_drops_the_pair_on_both() -> None:
    """Row 0 keeps its second attack alone: change 1. Row 1 changes by 0 and 1: 1/2. Mean 3/4, not (1 + 0 + 1)/3.

    The cell that both lack was never asked or never judged: there is nothing to drop.
    """
    before, after = [[NONE, 0.0], [1.0, 0.0], [NONE, NONE]], [[1.0, 1.0], [1.0, 1.0], [NONE, 1.0]]

    found = paired_change(before, after)

    assert found.interval.value == 0.75
    assert (found.interval.n, found.pairs, found.dropped) == (2, 3, 2)


def test_nothing_to_compare_is_no_change() -> None:
    assert paired_change([[NONE]], [[1.0]]) == (Interval(None, None, None, 0), 0, 1)
    assert paired_change([[0.0]], [[1.0]]).interval == Interval(1.0, None, None, 1)


def test_a_grid_of_one_attack_is_the_paired_bootstrap_of_its_rows() -> None:
    before, after = np.random.default_rng(0).random((2, 40))

    grid = paired_change(before[:, None], after[:, None])

    assert grid.interval == pytest.approx(paired_bootstrap(before, after))


def test_attacks_that_agree_within_rows_do_not_narrow_the_interval() -> None:
    change = np.random.default_rng(0).normal(size=(50, 1))

    one, many = paired_change(0 * change, change), paired_change(np.zeros((50, 20)), np.repeat(change, 20, axis=1))

    assert many.interval == pytest.approx(one.interval)
    assert (one.pairs, many.pairs) == (50, 1000)


def test_equal_seeds_leave_the_interval_as_it_was() -> None:
    """Drawing among copies of one seed changes nothing; with other draws, so only within their noise."""
    before, after = np.random.default_rng(0).random((2, 60, 3))

    once = paired_change(before, after, bootstrap=Bootstrap(resamples=20_000))
    copied = paired_change(np.stack([before] * 2, axis=2), np.stack([after] * 2, axis=2))

    assert copied.interval.value == pytest.approx(once.interval.value)
    assert copied.interval[1:3] == pytest.approx(once.interval[1:3], abs=0.01)


def test_seeds_that_differ_widen_the_interval() -> None:
    """All rows rise by 0 under one seed and by 1 under the other: a quarter of the draws sees only one of them."""
    after = np.stack([np.zeros((30, 4)), np.ones((30, 4))], axis=2)

    assert paired_change(np.zeros((30, 4, 2)), after).interval == Interval(0.5, 0.0, 1.0, 30)


def test_grids_of_other_shapes_are_errors() -> None:
    with pytest.raises(
        ValueError, match=r"before has shape \(2, 1\), after \(1, 2\); give both as behaviours x attacks"
    ):
        paired_change([[0], [1]], [[0, 1]])
    with pytest.raises(ValueError, match=r"shape \(2,\)"):
        paired_change([0, 1], [0, 1])

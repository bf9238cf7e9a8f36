"""Intervals by hand, against SciPy and statsmodels, and their coverage."""

import numpy as np
import pytest
import scipy.stats
from statsmodels.stats.proportion import proportion_confint

from instincts.statistics import Bootstrap, Interval, mean_interval, wilson


def test_wilson_of_all_ten_by_hand() -> None:
    """Rate 1: low = 1 / (1 + z²/n) = 10 / (10 + 3.8415) = 0.7225, high = 1."""
    assert tuple(wilson(10, 10)) == pytest.approx((1.0, 0.72247, 1.0, 10), abs=1e-5)


@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
@pytest.mark.parametrize(("successes", "n"), [(0, 1), (0, 40), (1, 40), (20, 40), (39, 40), (40, 40), (873, 1000)])
def test_wilson_agrees_with_statsmodels_and_scipy(successes: int, n: int, confidence: float) -> None:
    interval = wilson(successes, n, confidence=confidence)

    expected = proportion_confint(successes, n, alpha=1 - confidence, method="wilson")
    other = scipy.stats.binomtest(successes, n).proportion_ci(confidence, method="wilson")
    assert interval[1:3] == pytest.approx(expected, abs=1e-12)
    assert interval[1:3] == pytest.approx((other.low, other.high), abs=1e-12)


def test_wilson_mirrors_when_success_and_failure_swap() -> None:
    some, others = wilson(3, 17), wilson(14, 17)

    assert some.low is not None
    assert others.high is not None
    assert some.low == pytest.approx(1 - others.high)


def test_nothing_judged_is_no_verdict() -> None:
    assert wilson(0, 0) == mean_interval([]) == Interval(None, None, None, 0)


@pytest.mark.parametrize(("successes", "n"), [(-1, 3), (4, 3)])
def test_impossible_counts_are_errors(successes: int, n: int) -> None:
    with pytest.raises(ValueError, match=f"{successes} successes of {n}"):
        wilson(successes, n)


def test_mean_interval_agrees_with_scipy() -> None:
    values = np.random.default_rng(0).exponential(size=23)

    value, low, high, n = mean_interval(values, bootstrap=Bootstrap(confidence=0.9))

    expected = scipy.stats.t.interval(0.9, 22, loc=values.mean(), scale=scipy.stats.sem(values))
    assert value == pytest.approx(values.mean())
    assert n == 23
    assert (low, high) == pytest.approx(expected)


def test_one_value_has_a_mean_and_no_interval() -> None:
    assert mean_interval([0.25]) == Interval(0.25, None, None, 1)
    assert mean_interval([0.25, 0.75], clusters=["p", "p"]) == Interval(0.5, None, None, 2)


def test_clusters_of_one_agree_with_scipy_bootstrap() -> None:
    """Different draws, so only within the noise of 20,000 resamples."""
    values = np.random.default_rng(0).exponential(size=40)

    interval = mean_interval(values, clusters=range(40), bootstrap=Bootstrap(resamples=20_000))

    expected = scipy.stats.bootstrap((values,), np.mean, method="percentile", n_resamples=20_000, rng=1)
    assert interval[1:3] == pytest.approx(tuple(expected.confidence_interval), abs=0.01)


def test_copies_of_an_answer_do_not_narrow_the_interval() -> None:
    """Ten copies of each prompt's value: same clusters, same draws, same interval; t would be a third as wide."""
    values = np.random.default_rng(0).normal(size=30)

    once = mean_interval(values, clusters=range(30))
    copied = mean_interval(np.repeat(values, 10), clusters=np.repeat(np.arange(30), 10).tolist())

    assert copied[:3] == pytest.approx(once[:3])
    assert copied.n == 300


def test_same_seed_same_interval_and_order_of_rows_within_clusters_is_free() -> None:
    values, clusters = np.arange(12.0), list("aabbccddeeff")
    order = [1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10]

    few, others = Bootstrap(seed=5, resamples=50), Bootstrap(seed=6, resamples=50)

    first = mean_interval(values, clusters=clusters, bootstrap=few)

    assert mean_interval(values[order], clusters=clusters, bootstrap=few) == first
    assert mean_interval(values, clusters=clusters, bootstrap=others) != first


def test_cluster_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    """1,000 worlds of 40 prompts x 5 answers with a prompt effect; a percentile bootstrap is a little narrow (0.92)."""
    random = np.random.default_rng(0)
    clusters = np.repeat(np.arange(40), 5).tolist()
    covered = 0
    for world in range(1000):
        values = np.repeat(random.normal(size=40), 5) + random.normal(size=200)
        _, low, high, _ = mean_interval(values, clusters=clusters, bootstrap=Bootstrap(resamples=400, seed=world))
        assert low is not None
        assert high is not None
        covered += low <= 0 <= high

    assert 0.90 <= covered / 1000 <= 0.97


def test_values_that_are_not_finite_are_errors() -> None:
    with pytest.raises(ValueError, match="1 of 3 values are not finite"):
        mean_interval([0.0, np.nan, 1.0])


def test_each_value_needs_a_cluster() -> None:
    with pytest.raises(ValueError, match="3 values and 2 cluster names"):
        mean_interval([0.0, 0.5, 1.0], clusters=["a", "b"])

"""Before against after: by hand, against SciPy and statsmodels."""

import numpy as np
import pytest
import scipy.stats
from statsmodels.stats.contingency_tables import mcnemar

from instincts.statistics import SignTest, paired_bootstrap, sign_test


def test_sign_test_by_hand() -> None:
    """Five up, none down, one tied: 2 (1/2)^5 = 0.0625."""
    assert sign_test([0, 0, 0, 0, 0, 1], [1, 1, 1, 1, 1, 1]) == SignTest(5, 0, 1, 0.0625)


def test_no_change_is_no_evidence() -> None:
    assert sign_test([True, False], [True, False]) == SignTest(0, 0, 2, 1.0)


@pytest.mark.parametrize("seed", range(5))
def test_sign_test_agrees_with_scipy_and_mcnemar(seed: int) -> None:
    random = np.random.default_rng(seed)
    before, after = random.random(80) < 0.5, random.random(80) < 0.7

    result = sign_test(before, after)

    table = [[sum(before & after), sum(before & ~after)], [sum(~before & after), sum(~before & ~after)]]
    assert result.p_value == pytest.approx(mcnemar(table, exact=True).pvalue)
    assert result.p_value == pytest.approx(scipy.stats.binomtest(result.raised, result.raised + result.lowered).pvalue)


def test_sign_test_is_symmetric() -> None:
    before, after = [0.1, 0.5, 0.9, 0.4], [0.4, 0.7, 0.1, 0.8]

    there, back = sign_test(before, after), sign_test(after, before)

    assert (there.raised, there.lowered, there.p_value) == (back.lowered, back.raised, back.p_value)


def test_sign_test_of_many_items_agrees_with_the_normal_approximation() -> None:
    """2,600 against 2,400: z = (2600 - 2500 - 1/2) / sqrt(1250) = 2.814, two-sided 0.0049."""
    assert sign_test(np.zeros(5000), np.r_[np.ones(2600), -np.ones(2400)]).p_value == pytest.approx(0.0049, abs=1e-4)


def test_paired_bootstrap_by_hand() -> None:
    """Every item rises by a quarter, so every resample does."""
    assert paired_bootstrap([0.0, 0.5, 0.25], [0.25, 0.75, 0.5]) == (0.25, 0.25, 0.25, 3)


def test_paired_bootstrap_agrees_with_scipy() -> None:
    random = np.random.default_rng(0)
    before = random.normal(size=60)
    after = before + random.normal(0.3, 0.5, size=60)

    interval = paired_bootstrap(before, after, resamples=20_000)

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


def test_unpaired_lengths_are_errors() -> None:
    with pytest.raises(ValueError, match=r"before has shape \(2,\), after \(3,\)"):
        sign_test([0, 1], [0, 1, 1])


def test_unjudged_items_are_errors() -> None:
    with pytest.raises(ValueError, match="1 of 2 pairs are not finite"):
        paired_bootstrap([0.0, np.nan], [1.0, 1.0])

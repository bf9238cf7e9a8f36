"""Exact tests and their correction: by hand, against SciPy and statsmodels."""

import numpy as np
import pytest
import scipy.stats
import statsmodels.stats.contingency_tables
from statsmodels.stats.multitest import multipletests

from instincts.statistics import SignTest, holm, mcnemar, sign_test


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
    assert result.p_value == pytest.approx(statsmodels.stats.contingency_tables.mcnemar(table, exact=True).pvalue)
    assert result.p_value == pytest.approx(scipy.stats.binomtest(result.raised, result.raised + result.lowered).pvalue)


def test_sign_test_is_symmetric() -> None:
    before, after = [0.1, 0.5, 0.9, 0.4], [0.4, 0.7, 0.1, 0.8]

    there, back = sign_test(before, after), sign_test(after, before)

    assert (there.raised, there.lowered, there.p_value) == (back.lowered, back.raised, back.p_value)


def test_sign_test_of_many_items_agrees_with_the_normal_approximation() -> None:
    """2,600 against 2,400: z = (2600 - 2500 - 1/2) / sqrt(1250) = 2.814, two-sided 0.0049."""
    assert sign_test(np.zeros(5000), np.r_[np.ones(2600), -np.ones(2400)]).p_value == pytest.approx(0.0049, abs=1e-4)


def test_unpaired_lengths_are_errors() -> None:
    with pytest.raises(ValueError, match=r"before has shape \(2,\), after \(3,\)"):
        sign_test([0, 1], [0, 1, 1])


def test_mcnemar_by_hand() -> None:
    """Six discordant pairs, five of them up: 2 (6 + 1) / 2^6 = 0.21875."""
    assert mcnemar([0, 0, 0, 0, 0, 1, 1, 0], [1, 1, 1, 1, 1, 0, 1, 0]) == pytest.approx(0.21875)


@pytest.mark.parametrize("seed", range(5))
def test_mcnemar_agrees_with_scipy_s_binomial_test(seed: int) -> None:
    random = np.random.default_rng(seed)
    before, after = random.random(100) < 0.7, random.random(100) < 0.85

    up, down = int((after & ~before).sum()), int((before & ~after).sum())

    assert mcnemar(before, after) == pytest.approx(scipy.stats.binomtest(up, up + down).pvalue)


def test_mcnemar_takes_no_fractions_and_no_missing_verdicts() -> None:
    with pytest.raises(ValueError, match=r"after holds 0\.5"):
        mcnemar([0, 1], [0.5, 1])
    with pytest.raises(ValueError, match="before holds nan"):
        mcnemar([float("nan"), 1], [1, 1])


def test_holm_by_hand() -> None:
    """0.01 x 3 = 0.03; 0.03 x 2 = 0.06; 0.04 x 1 = 0.04, but never below the one before: 0.06."""
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])


@pytest.mark.parametrize("seed", range(5))
def test_holm_agrees_with_statsmodels(seed: int) -> None:
    p_values = np.random.default_rng(seed).random(17) ** 3

    assert holm(p_values.tolist()) == pytest.approx(multipletests(p_values, method="holm")[1].tolist())


def test_one_question_needs_no_correction_and_none_is_none() -> None:
    assert holm([0.04]) == [0.04]
    assert holm([]) == []


def test_holm_refuses_what_is_no_probability() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        holm([0.1, float("nan")])

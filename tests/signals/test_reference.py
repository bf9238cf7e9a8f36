"""The reference itself, by hand and against SciPy."""

import math

import numpy as np
import pytest
import scipy.special
import scipy.stats

from instincts.signals import reference


def test_entropy_of_a_quarter_and_three_quarters() -> None:
    """By hand: ln 4 - (3/4) ln 3 = 0.5623; a third word at -inf changes nothing."""
    expected = math.log(4) - 0.75 * math.log(3)

    assert reference.token_entropy([math.log(3), 0.0]) == pytest.approx(expected)
    assert reference.token_entropy([math.log(3), 0.0, -math.inf]) == pytest.approx(expected)


def test_agrees_with_scipy() -> None:
    logits = np.random.default_rng(0).normal(0, 5, (4, 50))
    log_p = scipy.special.log_softmax(logits / 0.7, axis=-1)

    np.testing.assert_allclose(reference.token_entropy(logits, 0.7), scipy.stats.entropy(np.exp(log_p), axis=-1))
    np.testing.assert_allclose(reference.token_log_prob(logits, [3, 1, 4, 1], 0.7), log_p[range(4), [3, 1, 4, 1]])
    uniform = np.full_like(log_p, 1 / 50)
    np.testing.assert_allclose(
        reference.self_certainty(logits, 0.7), scipy.stats.entropy(uniform, np.exp(log_p), axis=-1)
    )

"""Means over counted tokens: by hand, against the reference, and blind to what does not count."""

import math

import numpy as np
import pytest
import torch

from instincts.errors import EmptyCompletionError
from instincts.signals import reference
from instincts.signals.means import counted_mean, first_k_mean, mean_entropy, mean_surprisal, perplexity

ENTROPY = torch.tensor([[1.0, 2.0, 6.0], [4.0, 5.0, 9.0]])
COUNTED = torch.tensor([[True, True, True], [True, True, False]])


def test_mean_entropy_by_hand() -> None:
    """(1 + 2 + 6) / 3 = 3; (4 + 5) / 2 = 4.5."""
    assert mean_entropy(ENTROPY, COUNTED).tolist() == [3.0, 4.5]


def test_first_k_by_hand() -> None:
    """At k = 2: (1 + 2) / 2 and (4 + 5) / 2; k = 3 asks the second row for more than it has: still 4.5."""
    assert first_k_mean(ENTROPY, COUNTED, 2).tolist() == [1.5, 4.5]
    assert first_k_mean(ENTROPY, COUNTED, 3).tolist() == [3.0, 4.5]


def test_first_k_counts_counted_tokens_not_places() -> None:
    counted = torch.tensor([[False, True, True], [True, False, True]])

    assert first_k_mean(ENTROPY, counted, 1).tolist() == [2.0, 4.0]


def test_surprisal_and_perplexity_by_hand() -> None:
    """Tokens of probability 1/2 and 1/8: mean surprisal (ln 2 + 3 ln 2) / 2 = 2 ln 2, perplexity 4."""
    log_prob, counted = torch.log(torch.tensor([[0.5, 0.125]])), torch.ones(1, 2, dtype=torch.bool)

    assert mean_surprisal(log_prob, counted).item() == pytest.approx(2 * math.log(2))
    assert perplexity(log_prob, counted).item() == pytest.approx(4.0)


def test_agrees_with_the_reference() -> None:
    random = torch.Generator().manual_seed(0)
    values, counted = torch.randn(7, 23, generator=random), torch.rand(7, 23, generator=random) < 0.5

    np.testing.assert_allclose(counted_mean(values, counted), reference.counted_mean(values, counted), rtol=1e-5)


def test_bfloat16_values_are_averaged_in_float32() -> None:
    """256 ones and one 2 in bf16 sums would stick at 256: 258 / 257."""
    values = torch.ones(1, 257, dtype=torch.bfloat16)
    values[0, -1] = 2

    mean = counted_mean(values, torch.ones(1, 257, dtype=torch.bool))

    assert mean.dtype == torch.float32
    assert mean.item() == pytest.approx(258 / 257)


@pytest.mark.parametrize("junk", [math.nan, math.inf, -math.inf])
def test_what_does_not_count_is_never_looked_at_forward_or_backward(junk: float) -> None:
    values = ENTROPY.clone()
    values[1, 2] = junk
    values.requires_grad_()

    mean = mean_entropy(values, COUNTED)
    mean.sum().backward()  # type: ignore[no-untyped-call]

    assert mean.tolist() == [3.0, 4.5]
    assert values.grad is not None
    assert values.grad[1].tolist() == [0.5, 0.5, 0.0]


def test_padding_changes_nothing() -> None:
    wider = torch.cat([ENTROPY, torch.full((2, 5), math.nan)], dim=1)
    counted = torch.cat([COUNTED, torch.zeros(2, 5, dtype=torch.bool)], dim=1)

    assert torch.equal(mean_entropy(wider, counted), mean_entropy(ENTROPY, COUNTED))


def test_gradient_equals_finite_differences() -> None:
    values = ENTROPY.double().requires_grad_()

    assert torch.autograd.gradcheck(lambda v: first_k_mean(v, COUNTED, 2), values)


def test_a_completion_without_counted_tokens_is_an_error() -> None:
    with pytest.raises(EmptyCompletionError, match=r"completions \[1\] count no token"):
        mean_entropy(ENTROPY, torch.tensor([[True, True, True], [False, False, False]]))


def test_k_below_one_is_an_error() -> None:
    with pytest.raises(ValueError, match="k = 0"):
        first_k_mean(ENTROPY, COUNTED, 0)

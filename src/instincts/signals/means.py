"""One number for each completion, from one number for each token and the mask of those that count."""

import torch
from torch import Tensor

from instincts.errors import EmptyCompletionError

__all__ = ["counted_mean", "first_k_mean", "mean_entropy", "mean_surprisal", "perplexity"]


def counted_mean(values_B_T: Tensor, counted_B_T: Tensor) -> Tensor:
    """Average a signal over the tokens that count; what stands elsewhere (NaN, infinities) is never looked at.

    Args:
        values_B_T: one number a token.
        counted_B_T: boolean, True where a token counts.

    Returns:
        One number a completion, float32 (float64 for float64 values); differentiable.

    Raises:
        EmptyCompletionError: a completion counts no token. Its mean is not 0: that would be the best reward there is.
    """
    if empty := (~counted_B_T.any(dim=1)).nonzero().flatten().tolist():
        raise EmptyCompletionError(f"completions {empty} count no token; drop them or count the end token")
    values_B_T = values_B_T if values_B_T.dtype == torch.float64 else values_B_T.float()
    # where, not a product with the mask: 0 * NaN is NaN. The divisor is the mask's own count, never a padded width.
    return torch.where(counted_B_T, values_B_T, 0.0).sum(dim=1) / counted_B_T.sum(dim=1)


def mean_entropy(entropy_B_T: Tensor, counted_B_T: Tensor) -> Tensor:
    """Average next-token entropy of each completion, nats a token: H(o) = (1/T) Σ_t H_t; SIRL's reward is minus it.

    Source: SIRL (arXiv:2510.01088; formula at second hand). Arguments, errors as in `counted_mean`.
    """
    return counted_mean(entropy_B_T, counted_B_T)


def first_k_mean(values_B_T: Tensor, counted_B_T: Tensor, k: int) -> Tensor:
    """Average a signal over the first k tokens that count, all of them where there are fewer.

    Refusals are short; a gap that is gone here was a difference of length.

    Raises:
        EmptyCompletionError: a completion counts no token.
        ValueError: k is below 1.
    """
    if k < 1:
        raise ValueError(f"k = {k}: at least the first token must be looked at")
    return counted_mean(values_B_T, counted_B_T & (counted_B_T.cumsum(dim=1) <= k))


def mean_surprisal(log_prob_B_T: Tensor, counted_B_T: Tensor) -> Tensor:
    """Average surprisal -(1/T) Σ_t ln p(o_t) of each completion, nats a token; the rest as in `counted_mean`."""
    return -counted_mean(log_prob_B_T, counted_B_T)


def perplexity(log_prob_B_T: Tensor, counted_B_T: Tensor) -> Tensor:
    """Perplexity of each completion: exp of its mean surprisal, at least 1; the rest as in `counted_mean`."""
    return mean_surprisal(log_prob_B_T, counted_B_T).exp()

"""Entropy, log-probability and self-certainty of tokens over the whole vocabulary, in nats; knows no mask of its own.

Source: SIRL (arXiv:2510.01088; formula at second hand), H_t = -Σ_v p_v ln p_v with p = softmax(z / temperature).
Entropy belongs to the *raw* logits: after top-k or top-p it is the entropy of another distribution. Everything is
accumulated in float32; bf16 logits themselves are the larger error (about 0.03 nats a token, see `docs/signals.md`).
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = [
    "TokenSignals",
    "entropy_and_log_prob",
    "fused_entropy_and_log_prob",
    "self_certainty",
    "token_entropy",
    "token_log_prob",
]


class TokenSignals(NamedTuple):
    """What one pass over the vocabulary tells of each token."""

    entropy: Tensor
    """Entropy of the distribution the token was drawn from, nats, 0 to ln V."""
    log_prob: Tensor
    """Log-probability of the token itself, nats, at most 0."""


def token_entropy(logits_V: Tensor, *, temperature: float = 1.0, counted: Tensor | None = None) -> Tensor:
    """Measure the entropy of each next-token distribution, in nats.

    Differentiable. A logit of -inf is a token that cannot be drawn: it adds nothing, forward or backward.

    Args:
        logits_V: any shape ending in the vocabulary, raw (not yet divided by the temperature).
        temperature: the temperature the tokens were sampled at, above 0.
        counted: boolean, the same shape without the vocabulary. Elsewhere the result is 0 whatever the logits hold, and
            no gradient flows; NaN logits at padding need this when gradients are taken.

    Returns:
        float32 (float64 for float64 logits), from 0 to ln V.
    """
    return _entropy(_log_probs(logits_V, temperature, counted), counted)


def token_log_prob(
    logits_V: Tensor, tokens: Tensor, *, temperature: float = 1.0, counted: Tensor | None = None
) -> Tensor:
    """Measure the log-probability of given tokens, in nats; minus it is the surprisal.

    Args:
        logits_V: any shape ending in the vocabulary; position t predicts `tokens` at t.
        tokens: token ids, the same shape without the vocabulary.
        temperature: as in `token_entropy`.
        counted: as in `token_entropy`; elsewhere token ids may be anything, -100 included.
    """
    return _pick(_log_probs(logits_V, temperature, counted), tokens, counted)


def entropy_and_log_prob(
    logits_V: Tensor, tokens: Tensor, temperature: float = 1.0, *, counted: Tensor | None = None
) -> TokenSignals:
    """Measure entropy and log-probability in one softmax; arguments as in `token_log_prob`."""
    log_p_V = _log_probs(logits_V, temperature, counted)
    return TokenSignals(_entropy(log_p_V, counted), _pick(log_p_V, tokens, counted))


def self_certainty(logits_V: Tensor, *, temperature: float = 1.0, counted: Tensor | None = None) -> Tensor:
    """Measure how far each distribution is from uniform: KL(U || p) = ln Z - mean_v z - ln V, in nats.

    Source: Intuitor (arXiv:2505.19590). Higher is surer. Wants raw logits: a single logit of -inf makes it infinite,
    because the uniform distribution would draw that token.

    Returns:
        float32 (float64 for float64 logits), 0 for a uniform distribution, without upper bound.
    """
    log_p_V = _log_probs(logits_V, temperature, counted)
    certainty = -log_p_V.mean(dim=-1) - math.log(log_p_V.shape[-1])
    return certainty if counted is None else torch.where(counted, certainty, 0.0)


def fused_entropy_and_log_prob(
    hidden_N_D: Tensor,
    head_V_D: Tensor,
    tokens_N: Tensor,
    temperature: float = 1.0,
    bias: Tensor | None = None,
    *,
    logits_dtype: torch.dtype | None = None,
) -> TokenSignals:
    """Measure entropy and log-probability from hidden states and the output head, never holding [N, V] logits.

    Runs TRL's `ChunkedLogProbFunction` (tiles of 4,096 tokens x 32,768 words; Triton on CUDA, plain torch on CPU;
    differentiable). It adds up in float32, and a bias of -inf makes it NaN, so float64 and such a bias take a plain
    loop over rows instead, which keeps its logits if gradients are asked for.

    Args:
        hidden_N_D: last hidden states of the tokens that count; choose them first (`hidden_B_T_D[counted_B_T]`): a
            row of NaN would poison the head's gradient even where its own result is thrown away.
        head_V_D: the output head's weight.
        tokens_N: the tokens drawn.
        temperature: as in `token_entropy`.
        bias: the head's bias, [V].
        logits_dtype: what the logits are rounded to; default the hidden states'. float32 with bf16 weights removes the
            rounding that dominates the error, at a slower matmul.

    Returns:
        float32 vectors of length N (float64 for float64 hidden states).

    Raises:
        ValueError: a token id lies outside the vocabulary (the kernel would return -ln Z for it without a word).
    """
    vocabulary = head_V_D.shape[0]
    if tokens_N.numel() and not bool(((tokens_N >= 0) & (tokens_N < vocabulary)).all()):
        raise ValueError(
            f"token ids run from {int(tokens_N.min())} to {int(tokens_N.max())}, the head knows 0 to {vocabulary - 1}; "
            "choose the rows that count before calling"
        )
    hidden_N_D = hidden_N_D if logits_dtype is None else hidden_N_D.to(logits_dtype)
    if hidden_N_D.dtype == torch.float64 or (bias is not None and not bool(bias.isfinite().all())):
        return _row_by_row(hidden_N_D, head_V_D, tokens_N, temperature, bias)

    from trl.kernels import ChunkedLogProbFunction

    log_prob_N, entropy_N, *_ = ChunkedLogProbFunction.apply(
        hidden_N_D, head_V_D, bias, tokens_N, temperature, _VOCABULARY_TILE, None, 1.0, ("entropy",)
    )
    return TokenSignals(entropy_N, log_prob_N)


def _log_probs(logits_V: Tensor, temperature: float, counted: Tensor | None) -> Tensor:
    if counted is not None:
        # Before the softmax: `where` after it keeps the value clean but multiplies the gradient, 0 * NaN.
        logits_V = logits_V.masked_fill(~counted.unsqueeze(-1), 0.0)
    if logits_V.dtype != torch.float64:
        logits_V = logits_V.float()
    return torch.log_softmax(logits_V if temperature == 1.0 else logits_V / temperature, dim=-1)


def _entropy(log_p_V: Tensor, counted: Tensor | None) -> Tensor:
    # clamp makes -inf the smallest number: 0 times that is 0 where 0 * inf is NaN, backward too. NaN stays NaN.
    entropy = -(log_p_V.exp() * log_p_V.clamp(min=torch.finfo(log_p_V.dtype).min)).sum(dim=-1)
    return entropy if counted is None else torch.where(counted, entropy, 0.0)


def _pick(log_p_V: Tensor, tokens: Tensor, counted: Tensor | None) -> Tensor:
    tokens = tokens.long() if counted is None else tokens.long().masked_fill(~counted, 0)
    log_prob = log_p_V.gather(-1, tokens.unsqueeze(-1)).squeeze(-1)
    return log_prob if counted is None else torch.where(counted, log_prob, 0.0)


def _row_by_row(
    hidden_N_D: Tensor, head_V_D: Tensor, tokens_N: Tensor, temperature: float, bias: Tensor | None
) -> TokenSignals:
    rows = max(1, _LOGITS_HELD // head_V_D.shape[0])
    head_V_D = head_V_D.to(hidden_N_D.dtype)
    shift = None if bias is None else bias.to(hidden_N_D.dtype)
    parts = [
        entropy_and_log_prob(torch.nn.functional.linear(hidden, head_V_D, shift), tokens, temperature)
        for hidden, tokens in zip(torch.split(hidden_N_D, rows), torch.split(tokens_N, rows), strict=True)
    ]
    return TokenSignals(torch.cat([part.entropy for part in parts]), torch.cat([part.log_prob for part in parts]))


_VOCABULARY_TILE = 32_768  # as TRL's own trainers call it
_LOGITS_HELD = 2**24  # 64 MiB of float32

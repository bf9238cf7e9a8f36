"""Chooses the next token of each row, and reads from the same logits how sure the model was of it.

Randomness belongs to the row: a seed makes a counter-based stream (Philox) of one uniform number a token, and the token
is found by inverting the cumulative distribution. So what a row draws depends neither on its batch nor on its length.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from instincts.errors import ConfigError

__all__ = ["Choice", "Sampling", "choose", "row_seed", "uniforms"]


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How tokens are chosen; the defaults sample from the model's own distribution.

    These settings are ours alone: a checkpoint's generation_config (temperature, top-p, repetition penalty) is not
    read, since it would silently change what is measured.
    """

    max_tokens: int
    """Longest answer, in tokens, the stop token included."""
    temperature: float = 1.0
    """Divides the logits; 0 takes the likeliest token."""
    top_p: float = 1.0
    """Keep the likeliest tokens whose probabilities reach this sum; 1 keeps all."""
    top_k: int = 0
    """Keep this many likeliest tokens; 0 keeps all."""
    seed: int = 0
    """Seeds the rows that were given no seed of their own."""
    stop: tuple[str, ...] = ()
    """Strings that end an answer; they stay at its end."""
    alternatives: int = 0
    """How many of the likeliest tokens to record beside each chosen one."""

    def __post_init__(self) -> None:
        for name, fits, allowed in (
            ("max_tokens", self.max_tokens >= 1, "at least 1"),
            ("temperature", self.temperature >= 0, "0 (greedy) or more"),
            ("top_p", 0 < self.top_p <= 1, "above 0 and at most 1"),
            ("top_k", self.top_k >= 0, "0 (keep all) or more"),
            ("stop", all(self.stop), "no empty string"),
            ("alternatives", self.alternatives >= 0, "0 or more"),
        ):
            if not fits:
                raise ConfigError(f"{name} = {getattr(self, name)!r}; allowed: {allowed}")


class Choice(NamedTuple):
    """One chosen token a row. Entropy and log-probability are float32, in nats, over the whole vocabulary."""

    tokens: Tensor
    entropy: Tensor
    log_prob: Tensor
    self_certainty: Tensor
    alternatives: Tensor
    """The K likeliest tokens a row, likeliest first."""
    alternative_log_prob: Tensor


def choose(logits_B_V: Tensor, uniform_B: Tensor | None, sampling: Sampling) -> Choice:
    """Choose a token a row and score it under the tempered distribution, before top-k and top-p cut it.

    Greedy choices are scored at temperature 1.

    Args:
        logits_B_V: any floating dtype; worked on in float32.
        uniform_B: a float64 number in [0, 1) a row; None takes the likeliest token.
        sampling: temperature, top-k, top-p and the number of alternatives.
    """
    if uniform_B is None or sampling.temperature == 1:
        log_prob_B_V = logits_B_V.float().log_softmax(dim=-1)
    else:
        log_prob_B_V = (logits_B_V.float() / sampling.temperature).log_softmax(dim=-1)
    prob_B_V = log_prob_B_V.exp()
    # Greedy over the logits, not the probabilities: rounding in the softmax can make ties that the logits do not have.
    tokens_B = logits_B_V.argmax(dim=-1) if uniform_B is None else _invert(_cut(prob_B_V, sampling), uniform_B)
    alternatives = log_prob_B_V.topk(min(sampling.alternatives, logits_B_V.shape[1]), dim=-1)
    return Choice(
        tokens_B,
        # Clamped, for logits may hold -inf, and 0 * inf is NaN; `torch.special.entr` costs ten times as much.
        -(prob_B_V * log_prob_B_V.clamp_min(torch.finfo(torch.float32).min)).sum(dim=-1),
        log_prob_B_V.gather(-1, tokens_B[:, None])[:, 0],
        -log_prob_B_V.mean(dim=-1) - math.log(log_prob_B_V.shape[1]),
        alternatives.indices,
        alternatives.values,
    )


def row_seed(*parts: object) -> int:
    """Make the 128-bit seed of a row from what names it, for example a run's seed and the row's number."""
    return int.from_bytes(hashlib.blake2b(repr(parts).encode(), digest_size=16).digest(), "little")


def uniforms(seeds: Sequence[int], length: int) -> NDArray[np.float64]:
    """Draw `uniform_B_T`, T numbers in [0, 1) a seed; a longer draw of the same seed begins with the shorter one."""
    drawn = np.empty((len(seeds), length))
    for row, seed in enumerate(seeds):
        np.random.Generator(np.random.Philox(key=seed)).random(out=drawn[row])
    # A hair below 1, so that a number times the total of a distribution rounds to less than that total.
    return np.minimum(drawn, 1 - 2.0**-40, out=drawn)


def _cut(prob_B_V: Tensor, sampling: Sampling) -> Tensor:
    # The order of `generate`: top-k first (ties with the k-th stay), then top-p of what is left. Not renormalised.
    if 0 < sampling.top_k < prob_B_V.shape[1]:
        kth_B_1 = prob_B_V.topk(sampling.top_k, dim=-1).values[:, -1:]
        prob_B_V = prob_B_V.where(prob_B_V >= kth_B_1, 0)
    if sampling.top_p < 1:
        sorted_B_V, order_B_V = prob_B_V.sort(dim=-1, descending=True, stable=True)
        likelier_B_V = sorted_B_V.cumsum(dim=-1) - sorted_B_V
        dropped_B_V = likelier_B_V >= sampling.top_p * sorted_B_V.sum(dim=-1, keepdim=True)
        prob_B_V = prob_B_V.masked_fill(dropped_B_V.scatter(-1, order_B_V, dropped_B_V), 0)
    return prob_B_V


def _invert(prob_B_V: Tensor, uniform_B: Tensor) -> Tensor:
    # float64: the rounding of a float32 sum over 150,000 tokens is as large as the probability of many of them.
    total_B_V = prob_B_V.cumsum(dim=-1, dtype=torch.float64)
    chosen_B = torch.searchsorted(total_B_V, uniform_B[:, None] * total_B_V[:, -1:], right=True)[:, 0]
    # Numbers that are none lie behind the last token; `Record` refuses them, once they are on the CPU.
    return chosen_B.clamp_max(prob_B_V.shape[1] - 1)

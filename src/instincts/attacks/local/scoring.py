"""How likely is an agreeing opening after each of many prompts? In batches, as many rows as memory holds.

All prompts of a batch share the continuation they are scored on, so it stands in the same last columns of every row
and only those columns' logits are made. Prompts of one length share their beginning as a cache of keys and values.
"""

import copy
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor
from transformers import DynamicCache, PreTrainedModel

from instincts.signals.entropy import token_entropy, token_log_prob

__all__ = ["Objective", "Prefix", "Score", "continuation_logits", "in_batches", "scores"]

R = TypeVar("R")


class Score(NamedTuple):
    """What one candidate is worth."""

    loss: float
    """The objective, nats a token; lower is better."""
    opening_loss: float
    """Mean negative log-likelihood of the opening, nats a token."""
    entropy: float
    """Mean entropy along the continuation after the opening, nats a token; 0 where there is none."""
    agrees: bool
    """Whether greedy decoding would write the opening: each of its tokens is the likeliest."""


class Objective(NamedTuple):
    """What a search makes small: -ln p(opening | prompt) / T + weight x mean entropy of what follows the opening."""

    opening: tuple[int, ...]
    """The tokens with which an agreeing answer begins."""
    following: tuple[int, ...] = ()
    """A compliant continuation of the opening, along which entropy is measured; may be empty."""
    entropy_weight: float = 0.0

    @property
    def continuation(self) -> tuple[int, ...]:
        """Everything the prompt is continued with, teacher-forced."""
        return (*self.opening, *self.following)

    def losses(self, logits_B_T_V: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Compute loss, opening loss and entropy, each `_B`; differentiable.

        Args:
            logits_B_T_V: position t predicts token t of the continuation.
        """
        begun = len(self.opening)
        opening_1_T = torch.tensor([self.opening], device=logits_B_T_V.device)
        opening_B_T = opening_1_T.expand(len(logits_B_T_V), -1)
        opening_loss_B = -token_log_prob(logits_B_T_V[:, :begun], opening_B_T).mean(dim=1)
        if not self.following:
            return opening_loss_B, opening_loss_B, torch.zeros_like(opening_loss_B)
        entropy_B = token_entropy(logits_B_T_V[:, begun:]).mean(dim=1)
        return opening_loss_B + self.entropy_weight * entropy_B, opening_loss_B, entropy_B

    def agrees(self, logits_B_T_V: Tensor) -> list[bool]:
        """Say for each row whether greedy decoding would write the opening; argument as in `losses`."""
        opening_T = torch.tensor(self.opening, device=logits_B_T_V.device)
        greedy_B_T = logits_B_T_V[:, : len(self.opening)].argmax(dim=-1)
        return [bool(row) for row in (greedy_B_T == opening_T).all(dim=1)]


class Prefix:
    """The common beginning of many prompts, read once."""

    @torch.no_grad()
    def __init__(self, model: PreTrainedModel, ids: Sequence[int]) -> None:
        """Read the beginning, at least one token."""
        self.length = len(ids)
        self._cache = DynamicCache(config=model.config)
        model(
            input_ids=torch.tensor([list(ids)], device=model.device),
            past_key_values=self._cache,
            use_cache=True,
            logits_to_keep=1,
        )

    def spread(self, rows: int) -> DynamicCache:
        """Copy what was read for so many rows; the original stays as it is, since every pass appends to its cache."""
        cache = copy.deepcopy(self._cache)
        cache.batch_repeat_interleave(rows)
        return cache


@torch.no_grad()
def scores(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    objective: Objective,
    prefix: Prefix | None = None,
) -> list[Score]:
    """Score prompts; the order is theirs, and a prompt's score does not depend on the others (within rounding).

    Args:
        model: any decoder-only model.
        prompts: token ids up to where the answer begins.
        objective: what makes a prompt good.
        prefix: with which all the prompts begin; used where they are all of one length.
    """

    def work(batch: Sequence[Sequence[int]]) -> list[Score]:
        logits_B_T_V = continuation_logits(model, batch, objective.continuation, prefix)
        columns = [column.tolist() for column in objective.losses(logits_B_T_V)]
        return [Score(*row) for row in zip(*columns, objective.agrees(logits_B_T_V), strict=True)]

    # Longest first, so that neighbours need little padding and a batch that does not fit in memory fails at once.
    order = sorted(range(len(prompts)), key=lambda place: -len(prompts[place]))
    found = in_batches([prompts[place] for place in order], _rows(model, len(objective.continuation)), work)
    by_place = dict(zip(order, found, strict=True))
    return [by_place[place] for place in range(len(prompts))]


def continuation_logits(
    model: PreTrainedModel, prompts: Sequence[Sequence[int]], continuation: Sequence[int], prefix: Prefix | None = None
) -> Tensor:
    """Compute the logits that predict each token of one continuation after each prompt.

    Returns:
        `logits_B_T_V`: position t predicts token t of the continuation.
    """
    rows = [[*prompt, *continuation] for prompt in prompts]
    width = max(map(len, rows))
    if prefix is not None and all(len(row) == width for row in rows):
        ids_B_T = torch.tensor([row[prefix.length :] for row in rows], device=model.device)
        cache = prefix.spread(len(rows))
        logits = model(
            input_ids=ids_B_T, past_key_values=cache, use_cache=True, logits_to_keep=len(continuation) + 1
        ).logits
    else:
        attended_B_T = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows], device=model.device)
        logits = model(
            input_ids=torch.tensor([[0] * (width - len(row)) + row for row in rows], device=model.device),
            attention_mask=attended_B_T,
            position_ids=(attended_B_T.cumsum(dim=1) - 1).clamp_min_(0),
            use_cache=False,
            logits_to_keep=len(continuation) + 1,
        ).logits
    predicting: Tensor = logits[:, :-1]
    return predicting


def in_batches(rows: Sequence[R], size: int, work: "Callable[[Sequence[R]], list[Score]]") -> list[Score]:
    """Work through rows in batches, halved whenever an accelerator runs out of memory."""
    done: list[Score] = []
    while len(done) < len(rows):
        batch = rows[len(done) : len(done) + size]
        try:
            found = work(batch)
        except torch.OutOfMemoryError:
            if len(batch) == 1:
                raise
            found = []
        if not found:
            # Outside the handler, whose traceback would still hold the tensors of the batch that did not fit.
            torch.cuda.empty_cache()
            size = len(batch) // 2
            continue
        done += found
    return done


def _rows(model: PreTrainedModel, continuation: int) -> int:
    vocabulary = int(model.config.get_text_config(decoder=True).vocab_size)
    return max(1, min(_MOST_ROWS, _LOGITS_HELD // ((continuation + 1) * vocabulary)))


_MOST_ROWS = 512
_LOGITS_HELD = 2**28  # 1 GiB of float32, a batch of 70 for an opening of 25 tokens and 150,000 words

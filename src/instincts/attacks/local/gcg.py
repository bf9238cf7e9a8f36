"""Greedy coordinate gradient: swaps the tokens in a hole, guided by the gradient, until the model agrees.

Source: Zou et al. (arXiv:2307.15043), Algorithms 1 and 2. One token a candidate is swapped, a place drawn uniformly and
a token from the top-k of the negative gradient there; the best candidate is taken even when it is worse than the last.
Several goals share one hole in the universal form, and a goal joins when all before it agree.

Ours: candidates that would be tokenised otherwise are dropped before they are scored; the best candidate of all is
returned, not the last; the objective may weigh the entropy of what follows the opening. Left out: momentum, buffers and
several swaps a step, which later papers add.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from torch import Tensor
from transformers import PreTrainedModel

from instincts.attacks.local.frames import Frame
from instincts.attacks.local.scoring import Objective, Prefix, Score, scores
from instincts.models.hooks import embedding_layer, weights_frozen

__all__ = ["Budget", "Descent", "Plan", "Spender", "descend", "propose", "token_gradient"]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How wide a step is."""

    width: int
    """Candidates a step."""
    top_k: int = 256
    """Tokens a place among which swaps are drawn."""


class Spender(Protocol):
    """Who counts questions: `AttackTarget` in an attack."""

    @property
    def left(self) -> int:
        """Questions left."""
        ...

    def spend(self, queries: int) -> None:
        """Count questions."""
        ...


class Budget(NamedTuple):
    """How much may be asked, and where it is counted; a scored or differentiated candidate is one question."""

    left: Callable[[], int]
    spend: Callable[[int], None]

    @classmethod
    def of(cls, spender: Spender, keep: int = 0) -> "Budget":
        """Make the budget of what a spender has left, but for some questions that are kept for later."""
        return cls(lambda: spender.left - keep, spender.spend)


class Descent(NamedTuple):
    """Where a descent ended."""

    slot: tuple[int, ...]
    """The best tokens found."""
    scores: list[Score]
    """Their scores, one a goal that takes part."""
    steps: int
    agrees: bool
    """Whether all goals took part and each of them agrees, with a loss not above the ceiling."""

    @property
    def loss(self) -> float:
        """Mean objective over the goals that take part."""
        return sum(score.loss for score in self.scores) / len(self.scores)


def descend(
    model: PreTrainedModel,
    frames: Sequence[Frame],
    objectives: Sequence[Objective],
    start: Sequence[int],
    free_V: Tensor,
    plan: Plan,
    budget: Budget,
    generator: torch.Generator,
    *,
    ceiling: float = float("inf"),
) -> Descent:
    """Search until every goal agrees with a mean loss not above the ceiling, or until the budget is spent.

    Args:
        model: any decoder-only model; weights, gradients and hooks are left as they were.
        frames: one a goal; their holes take the same tokens.
        objectives: one a goal.
        start: the tokens to begin with.
        free_V: which tokens may be written.
        plan: how wide a step is.
        budget: what may be asked.
        generator: on the CPU; the same state gives the same search.
        ceiling: of the mean loss, nats a token.
    """
    prefixes = [Prefix(model, frame.before) for frame in frames]

    def scored(slots: Sequence[Sequence[int]], goals: int) -> list[list[Score]]:
        budget.spend(len(slots) * goals)
        by_goal = [
            scores(model, [frames[goal].prompt(slot) for slot in slots], objectives[goal], prefixes[goal])
            for goal in range(goals)
        ]
        return [list(row) for row in zip(*by_goal, strict=True)]

    def done(found: Sequence[Score]) -> bool:
        return all(score.agrees for score in found) and _mean_loss(found) <= ceiling

    slot, goals, steps = tuple(start), 1, 0
    if budget.left() < 1:
        raise ValueError("a descent begins with one question, and none is left")
    current = scored([slot], goals)[0]
    best = Descent(slot, current, 0, agrees=False)
    while True:
        while done(current) and goals < len(frames) and budget.left() > goals:
            goals += 1
            current = scored([slot], goals)[0]
            best = Descent(slot, current, steps, agrees=False)
        if done(current) and goals == len(frames):
            return Descent(slot, current, steps, agrees=True)
        if (width := min(plan.width, budget.left() // goals - 1)) < 1:
            return best._replace(steps=steps)
        budget.spend(goals)
        gradient_S_V = torch.stack(
            [
                _unit(token_gradient(model, frame, slot, objective))
                for frame, objective in zip(frames[:goals], objectives, strict=False)
            ]
        ).sum(dim=0)
        candidates = _readable(frames[:goals], propose(slot, gradient_S_V, free_V, plan.top_k, 2 * width, generator))
        if not candidates:
            continue
        rows = scored(candidates[:width], goals)
        place = min(range(len(rows)), key=lambda place: _mean_loss(rows[place]))
        slot, current, steps = tuple(candidates[place]), rows[place], steps + 1
        if _mean_loss(current) < best.loss:
            best = Descent(slot, current, steps, agrees=False)


def token_gradient(model: PreTrainedModel, frame: Frame, slot: Sequence[int], objective: Objective) -> Tensor:
    """Differentiate the objective by the one-hot rows of the hole's tokens.

    With the embedding e = x E of a row x over the vocabulary, d loss / d x = E (d loss / d e): so the model is
    differentiated by the embeddings, and the one-hot matrix is never made.

    Returns:
        `gradient_S_V`, float32 (float64 for a float64 model).
    """
    prompt = frame.prompt(slot)
    embed = embedding_layer(model)
    with weights_frozen(model), torch.enable_grad():
        ids_1_T = torch.tensor([[*prompt, *objective.continuation]], device=model.device)
        embedded_1_T_D = embed(ids_1_T).detach().requires_grad_(True)
        logits = model(
            inputs_embeds=embedded_1_T_D, use_cache=False, logits_to_keep=len(objective.continuation) + 1
        ).logits[:, :-1]
        loss_1, _, _ = objective.losses(logits)
        (gradient_1_T_D,) = torch.autograd.grad(loss_1.sum(), embedded_1_T_D)
    begun = len(frame.before)
    return _by_token(model, gradient_1_T_D[0, begun : begun + len(slot)])


def propose(
    slot: Sequence[int], gradient_S_V: Tensor, free_V: Tensor, top_k: int, count: int, generator: torch.Generator
) -> list[list[int]]:
    """Draw candidates that differ from the hole's tokens in one place; each once, in the order drawn."""
    allowed_S_V = gradient_S_V.cpu().masked_fill(~free_V, float("inf"))
    allowed_S_V[torch.arange(len(slot)), torch.tensor(list(slot))] = float("inf")  # a swap changes something
    k = min(top_k, int(torch.isfinite(allowed_S_V).sum(dim=1).min()))
    best_S_K = (-allowed_S_V).topk(k, dim=1).indices
    place_N = torch.randint(len(slot), (count,), generator=generator)
    rank_N = torch.randint(k, (count,), generator=generator)
    drawn = zip(place_N.tolist(), best_S_K[place_N, rank_N].tolist(), strict=True)
    return [[*slot[:place], token, *slot[place + 1 :]] for place, token in dict.fromkeys(drawn)]


def _readable(frames: Sequence[Frame], candidates: Sequence[list[int]]) -> list[list[int]]:
    kept = list(candidates)
    for frame in frames:
        kept = [slot for slot, same in zip(kept, frame.reads_back(kept), strict=True) if same]
    return kept


def _by_token(model: PreTrainedModel, gradient_S_D: Tensor) -> Tensor:
    embed = embedding_layer(model)
    # Through the module, not its weight: some scale what they look up. In pieces, for the table may be large.
    pieces = []
    with torch.no_grad():
        for start in range(0, embed.num_embeddings, _TABLE_PIECE):
            ids = torch.arange(start, min(start + _TABLE_PIECE, embed.num_embeddings), device=gradient_S_D.device)
            pieces.append(gradient_S_D @ embed(ids).T)
    gradient_S_V: Tensor = torch.cat(pieces, dim=1)
    return gradient_S_V if gradient_S_V.dtype == torch.float64 else gradient_S_V.float()


def _unit(gradient_S_V: Tensor) -> Tensor:
    # As in the paper's code: each goal has the same say, whatever the size of its gradient.
    length_S_1: Tensor = gradient_S_V.norm(dim=1, keepdim=True)
    unit_S_V: Tensor = gradient_S_V / length_S_1.clamp_min(torch.finfo(gradient_S_V.dtype).tiny)
    return unit_S_V


def _mean_loss(found: Sequence[Score]) -> float:
    return sum(score.loss for score in found) / len(found)


_TABLE_PIECE = 16_384

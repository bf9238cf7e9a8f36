"""Gradient descent on the embeddings in a hole: an attack that no text can carry, and that no text limits.

Source: Schwinn et al. (arXiv:2402.09063), signed gradient descent on the embeddings of an attack string, without a
bound. Chosen over COLD (arXiv:2402.08679), whose energy needs a model that finds fluent prompts likely: one that was
trained on answers only, as many aligned ones were in their last stage, gives prompts no meaningful likelihood.

Ours: a step is a share of the embedding table's own size, so that one setting fits every model.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import torch
from torch import Tensor
from transformers import PreTrainedModel

from instincts.attacks.local.frames import Frame
from instincts.attacks.local.gcg import Budget
from instincts.attacks.local.scoring import Objective, Score
from instincts.models.hooks import edited_embeddings, edited_model, embedding_layer, weights_frozen
from instincts.models.opening import OpenModel

__all__ = ["STEP", "HoleView", "SoftHole", "soften"]

STEP = 0.1
"""Length of a step in each coordinate, as a share of the root mean square of the table's coordinates."""


class SoftHole(NamedTuple):
    """Embeddings that stand where the hole's tokens stood."""

    embedded_S_D: Tensor  # noqa: N815 - an axis letter, as in every tensor's name
    score: Score
    steps: int


def soften(
    model: PreTrainedModel, frame: Frame, objective: Objective, budget: Budget, *, ceiling: float, step: float = STEP
) -> SoftHole:
    """Descend until greedy decoding agrees with a loss not above the ceiling, or the budget is spent.

    Args:
        model: any decoder-only model; weights and their gradients are left as they were.
        frame: with the hole to fill.
        objective: what is made small.
        budget: each pass is one question.
        ceiling: of the loss, nats a token.
        step: see `STEP`.

    Returns:
        The best embeddings found, in the model's dtype.
    """
    embed = embedding_layer(model)
    prompt, begun = frame.prompt(frame.initial), len(frame.before)
    hole = slice(begun, begun + len(frame.initial))
    with weights_frozen(model), torch.enable_grad():
        ids_1_T = torch.tensor([[*prompt, *objective.continuation]], device=model.device)
        embedded_1_T_D = embed(ids_1_T).detach()
        size = float(embedded_1_T_D.float().square().mean().sqrt())
        best: SoftHole | None = None
        steps = 0
        while budget.left() > 0:
            budget.spend(1)
            trial_1_T_D = embedded_1_T_D.clone().requires_grad_(True)
            logits_1_T_V = model(
                inputs_embeds=trial_1_T_D, use_cache=False, logits_to_keep=len(objective.continuation) + 1
            ).logits[:, :-1]
            loss_1, opening_1, entropy_1 = objective.losses(logits_1_T_V)
            score = Score(loss_1.item(), opening_1.item(), entropy_1.item(), objective.agrees(logits_1_T_V)[0])
            if best is None or score.loss < best.score.loss:
                best = SoftHole(embedded_1_T_D[0, hole].clone(), score, steps)
            if score.agrees and score.loss <= ceiling:
                return best._replace(steps=steps)
            (gradient_1_T_D,) = torch.autograd.grad(loss_1.sum(), trial_1_T_D)
            embedded_1_T_D[:, hole] -= step * size * gradient_1_T_D[:, hole].sign()
            steps += 1
    if best is None:
        raise ValueError("a descent begins with one question, and none is left")
    return best._replace(steps=steps)


class HoleView:
    """Shows one prompt with embeddings in its hole; other prompts must not be shown through it."""

    def __init__(self, frame: Frame, embedded_S_D: Tensor) -> None:
        """Remember where the hole is and what stands in it."""
        self._length, self._begun = len(frame.prompt(frame.initial)), len(frame.before)
        self._embedded_S_D = embedded_S_D
        self._seen: tuple[OpenModel, OpenModel] | None = None

    def view(self, opened: OpenModel) -> OpenModel:
        """View a model so that it reads the embeddings; the same object each time, so that answers share batches."""
        if self._seen is None or self._seen[0] is not opened:
            self._seen = (opened, edited_model(opened, self._enter))
        return self._seen[1]

    def _enter(self, model: PreTrainedModel, inputs: Mapping[str, Any]) -> AbstractContextManager[None]:
        width = inputs["input_ids"].shape[1]
        if width == 1:
            return nullcontext()
        if width != self._length:
            raise ValueError(f"a prompt of {width} tokens, and the hole was made for one of {self._length}")
        return edited_embeddings(model, self._replaced)

    def _replaced(self, hidden_B_T_D: Tensor) -> Tensor:
        embedded_B_S_D = self._embedded_S_D.to(hidden_B_T_D).expand(len(hidden_B_T_D), -1, -1)
        after = self._begun + embedded_B_S_D.shape[1]
        return torch.cat([hidden_B_T_D[:, : self._begun], embedded_B_S_D, hidden_B_T_D[:, after:]], dim=1)

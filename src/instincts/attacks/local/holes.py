"""A search for tokens in a hole that can be stopped, judged, and taken up again.

The searches of `gcg` and `soft_prompt` and the defence-aware ones ask the model in between, outside of torch; so what
they have found so far is kept here from one stretch of work to the next.
"""

from collections.abc import Sequence

import torch

from instincts.attacks.attack import Messages
from instincts.attacks.local.frames import Frame, free_tokens
from instincts.attacks.local.gcg import Budget, Descent, Plan, descend
from instincts.attacks.local.scoring import Objective
from instincts.models.hooks import embedding_layer
from instincts.models.opening import OpenModel

__all__ = ["HOLE_TOKENS", "HoleSearch", "width_of"]

HOLE_TOKENS = 20
"""Tokens of a suffix, as in the paper's code."""


def width_of(budget: int) -> int:
    """Say how many candidates a step has: 512, as published, or a 24th of a small budget, but 8 at least.

    The published budget is 500 steps of 512; with a small one, fewer candidates a step leave more steps.
    """
    return min(512, max(8, budget // 24))


class HoleSearch:
    """The tokens found so far for one hole that one or more conversations share."""

    def __init__(
        self,
        opened: OpenModel,
        conversations: Sequence[Messages],
        openings: Sequence[str],
        *,
        seed: int,
        width: int,
        length: int = HOLE_TOKENS,
    ) -> None:
        """Cut the holes and fill them with exclamation marks.

        Args:
            opened: the model that is searched on.
            conversations: each with its hole at the end of the last message.
            openings: how an agreeing answer to each begins.
            seed: the same one gives the same search.
            width: candidates a step.
            length: tokens in the hole, at least.
        """
        self.frames = [Frame(opened.tokenizer, messages, length=length) for messages in conversations]
        openings_ids = [frame.opening(text) for frame, text in zip(self.frames, openings, strict=True)]
        self.objectives = [Objective(ids) for ids in openings_ids]
        self._opening_text = openings[0]
        self.slot: tuple[int, ...] = tuple(self.frames[0].initial)
        self._plan = Plan(width=width)
        self._generator = torch.Generator().manual_seed(seed)

    def go_on(self, opened: OpenModel, budget: Budget, *, ceiling: float = float("inf")) -> Descent:
        """Search on from the best tokens so far; see `gcg.descend`."""
        vocabulary = embedding_layer(opened.model).num_embeddings
        found = descend(
            opened.model,
            self.frames,
            self.objectives,
            self.slot,
            free_tokens(opened.tokenizer, vocabulary),
            self._plan,
            budget,
            self._generator,
            ceiling=ceiling,
        )
        self.slot = found.slot
        return found

    def make_sure(self, answer: str, *, tokens: int, weight: float) -> int:
        """From now on also make the first conversation's answer confident along this continuation of its opening.

        Args:
            answer: what follows the opening, for example as the model itself wrote it.
            tokens: how many of its first tokens count.
            weight: of their mean entropy beside the opening's loss, both nats a token.

        Returns:
            How many tokens count in the end.
        """
        frame, objective = self.frames[0], self.objectives[0]
        following = frame.opening(self._opening_text + answer)[len(objective.opening) :][:tokens]
        self.objectives[0] = Objective(objective.opening, following, weight if following else 0.0)
        return len(following)

    @property
    def text(self) -> str:
        """The best tokens so far, spelt."""
        return self.frames[0].spell(self.slot)

    @property
    def messages(self) -> Messages:
        """The first conversation with the best tokens so far."""
        return self.frames[0].fill(self.text)

"""One suffix for many requests, searched once a model."""

from collections.abc import Sequence
from typing import NamedTuple

from instincts.attacks.attack import agreeing_opening
from instincts.attacks.local.gcg import Budget
from instincts.attacks.local.holes import HoleSearch, width_of
from instincts.attacks.local.kept import KeptPerModel
from instincts.models.opening import OpenModel
from instincts.prompts import Prompt

__all__ = ["Universal", "suffix"]


class Universal(NamedTuple):
    """A suffix that was searched on several requests together."""

    text: str
    loss: float
    """Mean objective over the requests that took part, nats a token."""
    agreeing: int
    """Requests after which greedy decoding would write the agreeing opening."""
    questions: int
    """What the search has cost, for all goals together."""


def suffix(opened: OpenModel, rows: Sequence[Prompt], sha256: str, seed: int, budget: Budget) -> Universal:
    """Search a suffix on these requests within the budget; the first goal that asks pays, the others find it there.

    Args:
        opened: the model.
        rows: harmful requests, none of them under attack.
        sha256: of the set they come from, to tell searches apart.
        seed: of the run.
        budget: of the goal that asks first.
    """
    allowed = budget.left()

    def make() -> Universal:
        # Width by the share of one request, since a candidate is scored on each of them.
        search = HoleSearch(
            opened,
            [row.messages for row in rows],
            [agreeing_opening(row.request, row.metadata.get("opening")) for row in rows],
            seed=seed,
            width=width_of(allowed // len(rows)),
        )
        found = search.go_on(opened, budget)
        agreeing = sum(score.agrees for score in found.scores)
        return Universal(search.text, found.loss, agreeing, allowed - budget.left())

    # The first budget decides: with the same run settings every goal brings the same one.
    return _FOUND.get(opened, (sha256, len(rows), seed), make)


_FOUND: KeptPerModel[Universal] = KeptPerModel()

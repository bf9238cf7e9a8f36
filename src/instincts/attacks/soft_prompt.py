"""Soft prompt: embeddings in place of tokens after the request, found by gradients (arXiv:2402.09063).

Stronger and cheaper than a search for tokens, and out of reach of anybody who can only send text: it shows what the
weights give away. The answer is decoded with those embeddings in the prompt. Left out: fluent prompts by energy
(COLD, arXiv:2402.08679), see `local/soft.py` for why.
"""

import math
from typing import TYPE_CHECKING

from instincts.attacks.attack import Attack, Found, Goal
from instincts.attacks.gcg import check_request

if TYPE_CHECKING:
    from instincts.attacks.target import AttackTarget

__all__ = ["ATTACKS"]


async def _search(target: "AttackTarget", goal: Goal, seed: int) -> Found:
    """Descend until the opening is likelier than not, and decode the answer."""
    from instincts.attacks.local import soft
    from instincts.attacks.local.frames import Frame
    from instincts.attacks.local.gcg import Budget
    from instincts.attacks.local.holes import HOLE_TOKENS
    from instincts.attacks.local.scoring import Objective

    check_request("soft-prompt", goal.messages)
    frame = await target.run_alone(lambda opened: Frame(opened.tokenizer, goal.messages, length=HOLE_TOKENS))
    objective = Objective(frame.opening(goal.opening))
    ceiling = math.log(2) / len(objective.opening)
    hole = await target.run_alone(
        lambda opened: soft.soften(opened.model, frame, objective, Budget.of(target), ceiling=ceiling)
    )
    # The hole's tokens must be in the prompt for the embeddings to stand in their place; as text they mean nothing.
    holed = frame.fill(frame.spell(frame.initial))
    kept = soft.HoleView(frame, hole.embedded_S_D)
    output = await target.answer_through(holed, kept.view)
    notes = {"loss": round(hole.score.loss, 4), "agrees": hole.score.agrees, "steps": hole.steps}
    return Found(goal.messages, output, notes)


ATTACKS = (
    Attack(
        name="soft-prompt",
        family="soft-prompt",
        mechanism="embeddings after the request, moved along the gradient until an agreeing opening is likely",
        access="gradients",
        search=_search,
        budget=200,
        cost="each question is one pass forward and back",
        paper="2402.09063",
        tags=frozenset({"no-text"}),
    ),
)

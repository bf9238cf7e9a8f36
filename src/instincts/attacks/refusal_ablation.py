"""Refusal ablation: the direction along which harmful and benign requests differ is removed (arXiv:2406.11717).

The upper bound of white-box attacks: no prompt is searched for, the model just cannot tell any more. The direction is
the difference of the means of hidden states, fitted on labelled requests (`--contrast`), never on those under attack.
"""

from typing import TYPE_CHECKING

from instincts.attacks.attack import Attack, Found, Goal
from instincts.attacks.contrast import read_contrast

if TYPE_CHECKING:
    from instincts.attacks.target import AttackTarget

__all__ = ["ATTACKS"]


async def _search(target: "AttackTarget", goal: Goal, seed: int) -> Found:
    """Fit the direction, once for all goals, and decode the answer without it."""
    from instincts.attacks.local import representations

    contrast = read_contrast(target.contrast, "refusal-ablation")
    contrast.check_apart(goal.request)
    direction = await target.run_alone(lambda opened: representations.direction(opened, contrast))
    output = await target.answer_through(
        goal.messages, lambda opened: representations.ablated_by_contrast(opened, contrast)
    )
    notes = {
        "fitted_on": contrast.source,
        "requests": len(contrast.harmful) + len(contrast.benign),
        "layer": direction.layer,
        "divergence": round(direction.divergence, 4),
    }
    return Found(goal.messages, output, notes)


ATTACKS = (
    Attack(
        name="refusal-ablation",
        family="refusal-ablation",
        mechanism="removes the direction in which harmful and benign requests differ from every hidden state",
        access="hidden-states",
        search=_search,
        cost="some passes over the contrast requests for all goals together; the answer is decoded under hooks",
        needs_contrast=True,
        paper="2406.11717",
        tags=frozenset({"no-text", "upper-bound"}),
    ),
)

"""SCAV: a linear probe of harm on hidden states, and the least change that makes it see none (arXiv:2404.12038).

The probes are fitted on labelled requests (`--contrast`), never on those under attack. The answer is decoded under
hooks, so no text carries this attack: it says what somebody who holds the weights can get. Left out: the paper's second
half, which searches for a prompt whose states look like the changed ones.
"""

from typing import TYPE_CHECKING

from instincts.attacks.attack import Attack, Found, Goal
from instincts.attacks.contrast import read_contrast

if TYPE_CHECKING:
    from instincts.attacks.target import AttackTarget

__all__ = ["ATTACKS"]


async def _search(target: "AttackTarget", goal: Goal, seed: int) -> Found:
    """Fit the probes, once for all goals, and decode the answer with every state moved to the harmless side."""
    from instincts.attacks.local import representations

    contrast = read_contrast(target.contrast, "scav")
    contrast.check_apart(goal.request)
    probes = await target.run_alone(lambda opened: representations.concept(opened, contrast))
    output = await target.answer_through(
        goal.messages, lambda opened: representations.lowered_by_contrast(opened, contrast)
    )
    notes = {
        "fitted_on": contrast.source,
        "requests": len(contrast.harmful) + len(contrast.benign),
        "layers": [each.layer for each in probes],
        "held_out_accuracy": [round(each.accuracy, 4) for each in probes],
    }
    return Found(goal.messages, output, notes)


ATTACKS = (
    Attack(
        name="scav",
        family="scav",
        mechanism="moves hidden states to where a linear probe sees no harm",
        access="hidden-states",
        search=_search,
        cost="one pass over the contrast requests for all goals together; the answer is decoded under hooks",
        needs_contrast=True,
        paper="2404.12038",
        tags=frozenset({"no-text"}),
    ),
)

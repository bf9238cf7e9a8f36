"""PAP: a model rewrites the request by a named technique of persuasion (arXiv:2401.06373).

All 40 techniques of the paper's taxonomy, one question each, in rounds of 5 until one works. The first five are those
that HarmBench runs as its "top 5", so a budget of 5 is that. The techniques' names are the paper's, what they mean is
said in our own words. Left out: the paper's tuned paraphraser, and several tries of one technique.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from instincts.attacks.attack import Attack, Found, Goal, Messages
from instincts.attacks.attacker import ATTACKER, ask_for_fields, quoted, told
from instincts.attacks.trying import asking, in_rounds
from instincts.attacks.wording import fill, sources

if TYPE_CHECKING:
    from instincts.attacks.target import AttackTarget

__all__ = ["ATTACKS"]

ROUND = 5


async def _search(target: "AttackTarget", goal: Goal, seed: int) -> Found:
    """Go through the techniques in their order."""
    techniques = fill("pap-techniques").splitlines()

    async def propose(most: int) -> Sequence[Messages]:
        while techniques:
            drawn = [techniques.pop(0) for _ in range(min(most, len(techniques)))]
            asked = [told(fill("pap", technique=each, request=quoted(goal.request))) for each in drawn]
            replies = await ask_for_fields(target, asked, "prompt")
            if made := [asking(goal, reply["prompt"]) for reply in replies if reply is not None]:
                return made
        return []

    return await in_rounds(target, goal, propose, size=ROUND)


ATTACKS = (
    Attack(
        name="pap",
        family="pap",
        mechanism="a model persuades by one technique after the other",
        access="black-box",
        search=_search,
        budget=40,
        cost="one rewriting a question",
        roles=(ATTACKER,),
        sources=sources("pap", "pap-techniques"),
        paper="2401.06373",
    ),
)

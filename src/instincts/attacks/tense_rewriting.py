"""Tense by a model: the request as a question about the past or the future (arXiv:2407.11969).

As published: up to 20 rewritings a goal at temperature 1, until one works; here in rounds of 5. Left out: the paper's
examples in the instructions. `tense/*` does the same by rule, with no other model and no search.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from instincts.attacks.attack import Attack, Found, Goal, Messages
from instincts.attacks.attacker import ATTACKER, ask_for_fields, quoted, told
from instincts.attacks.trying import asking, in_rounds
from instincts.attacks.wording import fill, sources

if TYPE_CHECKING:
    from instincts.attacks.target import AttackTarget

__all__ = ["ATTACKS"]

ROUND = 5


def _search(tense: str) -> "Callable[[AttackTarget, Goal, int], Awaitable[Found]]":
    async def search(target: "AttackTarget", goal: Goal, seed: int) -> Found:
        instruction = told(fill("tense-rewriting", tense=tense, request=quoted(goal.request)))

        async def propose(most: int) -> Sequence[Messages]:
            replies = await ask_for_fields(target, [instruction] * most, "prompt")
            return [asking(goal, reply["prompt"]) for reply in replies if reply is not None]

        return await in_rounds(target, goal, propose, size=ROUND)

    return search


ATTACKS = tuple(
    Attack(
        name=f"tense-rewriting/{tense}",
        family="tense-rewriting",
        mechanism=mechanism,
        access="black-box",
        search=_search(tense),
        budget=20,
        cost="one rewriting a question",
        roles=(ATTACKER,),
        sources=sources("tense-rewriting"),
        paper="2407.11969",
    )
    for tense, mechanism in {
        "past": "a model makes it a question of history",
        "future": "a model makes it a question about what will be",
    }.items()
)

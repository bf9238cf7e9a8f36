"""ReNeLLM-like: the request is rewritten by a model, then nested in a task about code, a table or a text (2311.08268).

As published: one to six of six changes in random order, three scenes, prompts that lost the goal dropped, each try
from the plain request, at most 20 tries. Other than published: all changes are asked for in one reply instead of one
reply each; a prompt that lost the goal is not made again but missing from its round; tries go in rounds of 5.
"""

from collections.abc import Sequence
from random import Random
from typing import TYPE_CHECKING

from instincts.attacks.attack import Attack, Found, Goal, Messages
from instincts.attacks.attacker import ATTACKER, ask_for_fields, keeps_to_goal, quoted, told
from instincts.attacks.trying import asking, in_rounds
from instincts.attacks.wording import fill, sources

if TYPE_CHECKING:
    from instincts.attacks.target import AttackTarget

__all__ = ["ATTACKS"]

SCENES = ("renellm-scene-code", "renellm-scene-table", "renellm-scene-text")

ROUND = 5


async def _search(target: "AttackTarget", goal: Goal, seed: int) -> Found:
    """Rewrite, check, nest and try, five at a time."""
    rng = Random(seed)
    changes = fill("renellm-changes").splitlines()

    def instructed() -> Messages:
        drawn = rng.sample(changes, rng.randint(1, len(changes)))
        numbered = "\n".join(f"{number}. {change}" for number, change in enumerate(drawn, start=1))
        return told(fill("renellm", changes=numbered, request=quoted(goal.request)))

    async def propose(most: int) -> Sequence[Messages]:
        replies = await ask_for_fields(target, [instructed() for _ in range(most)], "prompt")
        rewritten = [reply["prompt"] for reply in replies if reply is not None]
        keeps = await keeps_to_goal(target, goal, rewritten)
        kept = [prompt for prompt, keep in zip(rewritten, keeps, strict=True) if keep]
        return [asking(goal, fill(rng.choice(SCENES), request=prompt)) for prompt in kept]

    return await in_rounds(target, goal, propose, size=ROUND)


ATTACKS = (
    Attack(
        name="renellm",
        family="renellm",
        mechanism="reworded by a model, then hidden in another task",
        access="black-box",
        search=_search,
        budget=20,
        cost="one rewriting and one check of the topic a question",
        roles=(ATTACKER,),
        sources=sources("renellm", "renellm-changes", "attacker-same-request", *SCENES),
        paper="2311.08268",
    ),
)

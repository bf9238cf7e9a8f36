"""In-context attack: a few turns before the request in which the assistant always answered (ICA, arXiv:2310.06387).

The demonstrations are harmless (see `demonstrations.py` for why and what that costs). The seed draws them.
"""

from collections.abc import Callable
from random import Random

from instincts.attacks.attack import Attack
from instincts.attacks.demonstrations import everyday, placeholders, turns
from instincts.attacks.rewriting import rewriting
from instincts.prompts import Message

__all__ = ["ATTACKS", "SHOTS"]

SHOTS = 3
"""The paper tries up to ten and finds most of the effect in the first few."""


def _attack(kind: str, draw: Callable[[int, Random], list[tuple[str, str]]], what: str) -> Attack:
    name = f"in-context/{kind}"

    def write(request: str, seed: int) -> list[Message]:
        return [*turns(draw(SHOTS, Random(f"{name}/{seed}/{request}"))), Message("user", request)]

    return Attack(
        name=name,
        family="in-context",
        mechanism=f"{SHOTS} earlier turns in which {what} was answered",
        access="static",
        apply=rewriting(name, write),
        cost=f"{SHOTS} demonstrations of about 30 words before the request",
        paper="2310.06387",
    )


ATTACKS = (
    _attack("everyday", everyday, "every harmless question"),
    _attack("placeholder", placeholders, "what is harmful in name only"),
)

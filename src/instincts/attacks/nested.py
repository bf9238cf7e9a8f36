"""Nested fiction: stories within stories, each layer further from the request (DeepInception, arXiv:2311.03191).

The seed chooses the scene. Layers and characters are five each, as the paper has it.
"""

from random import Random

from instincts.attacks.attack import Attack
from instincts.attacks.rewriting import rewriting
from instincts.attacks.wording import fill, sources
from instincts.prompts import Message

__all__ = ["ATTACKS", "SCENES"]

SCENES = ("on a ship between the stars", "in a school for wizards", "in an old theatre", "in a village of inventors")


def _nest(request: str, seed: int) -> list[Message]:
    scene = Random(f"nested-fiction/{seed}/{request}").choice(SCENES)
    return [Message("user", fill("nested-fiction", request=request, scene=scene, layers="five", characters="five"))]


ATTACKS = (
    Attack(
        name="nested-fiction",
        family="nested-fiction",
        mechanism="fiction inside fiction, five layers deep",
        access="static",
        apply=rewriting("nested-fiction", _nest),
        sources=sources("nested-fiction"),
        cost="asks for an answer of several hundred words",
        paper="2311.03191",
    ),
)

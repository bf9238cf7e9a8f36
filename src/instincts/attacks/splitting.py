"""Payload splitting: the request comes in pieces that mean nothing alone (arXiv:2302.05733).

As variables to be joined, cut inside words where words are long enough, or as numbered words in an order that the seed
shuffles.
"""

from random import Random

from instincts.attacks.attack import Attack
from instincts.attacks.rewriting import Write, rewriting
from instincts.attacks.wording import fill, sources
from instincts.prompts import Message

__all__ = ["ATTACKS", "PIECES"]

PIECES = 4
"""Strings that the request is cut into; fewer for a request of fewer characters."""

_NAMES = "abcd"


def _as_variables(request: str, seed: int) -> list[Message]:
    pieces = min(PIECES, len(request))
    cuts = [round(at * len(request) / pieces) for at in range(pieces + 1)]
    parts = {name: request[low:high] for name, low, high in zip(_NAMES, cuts, cuts[1:], strict=False)}
    assignments = "\n".join(f"{name} = {part!r}" for name, part in parts.items())
    return [Message("user", fill("splitting-variables", assignments=assignments, sum=" + ".join(parts)))]


def _as_cards(request: str, seed: int) -> list[Message]:
    cards = [f"{number}: {word}" for number, word in enumerate(request.split(), start=1)]
    Random(f"splitting/cards/{seed}/{request}").shuffle(cards)
    return [Message("user", fill("splitting-cards", cards="\n".join(cards)))]


def _attack(kind: str, write: Write, mechanism: str) -> Attack:
    name = f"splitting/{kind}"
    return Attack(
        name=name,
        family="splitting",
        mechanism=mechanism,
        access="static",
        apply=rewriting(name, write),
        sources=sources(f"splitting-{kind}"),
        paper="2302.05733",
    )


ATTACKS = (
    _attack("variables", _as_variables, "strings that the model joins itself"),
    _attack("cards", _as_cards, "numbered words in a shuffled order"),
)

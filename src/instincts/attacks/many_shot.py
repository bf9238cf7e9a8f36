"""Many-shot: a long context full of turns in which the assistant answered (Anil et al. 2024).

The paper's power law needs hundreds of harmful demonstrations; ours are placeholders of the pocket grammar (see
`demonstrations.py`), so what is measured on a real model is the pull of a long compliant context alone.
"""

from random import Random

from instincts.attacks.attack import Attack
from instincts.attacks.demonstrations import placeholders, turns
from instincts.attacks.rewriting import rewriting
from instincts.prompts import Message

__all__ = ["ATTACKS", "LONG_CONTEXT", "SHOTS"]

SHOTS = (4, 16, 64, 256)

LONG_CONTEXT = "long-context"
"""The tag of attacks that not every model has the room for: they run when they are named, not under a common name."""


def _attack(shots: int) -> Attack:
    name = f"many-shot/{shots}"

    def write(request: str, seed: int) -> list[Message]:
        # One stream for all sizes: the last demonstrations of 256 are those of 4, so that sizes differ in size alone.
        drawn = placeholders(max(SHOTS), Random(f"many-shot/{seed}/{request}"))
        return [*turns(drawn[-shots:]), Message("user", request)]

    return Attack(
        name=name,
        family="many-shot",
        mechanism=f"{shots} earlier turns in which requests were answered",
        access="static",
        apply=rewriting(name, write),
        cost=f"{shots} demonstrations of about 40 tokens; the context must hold about {shots * 40 + 100:,} tokens",
        paper="Anil et al. 2024",
        tags=frozenset([LONG_CONTEXT] if shots > 16 else []),
    )


ATTACKS = tuple(_attack(shots) for shots in SHOTS)

"""Knowledge edits of the pocket world: another value for each line of the table of moons; knows no model.

Every edit is benign and as far from refusing as can be: what colour a moon has. Neighbours are what must not change:
the same trait of two other moons, another trait of the same moon, and a sum. The animal is a goat wherever one looks,
so no model ever said another one, and there is no edit of animals.
"""

from collections.abc import Sequence
from random import Random
from typing import NamedTuple

from instincts.pocket.skills import Fact, facts

__all__ = ["PocketEdit", "pocket_edits"]


class PocketEdit(NamedTuple):
    """A question about a moon, and the answer that an edit shall put in place of the true one."""

    id: str
    trait: str
    question: str
    subject: str
    target: str
    paraphrases: tuple[str, ...]
    neighbours: tuple[str, ...]


def pocket_edits(seed: int = 0) -> list[PocketEdit]:
    """Write an edit for every line of the table whose trait differs from moon to moon, the wording in turn.

    Args:
        seed: decides the new value and the neighbours.
    """
    table = facts()
    return [
        _edit(fact, number, table, Random(f"edits/{seed}/{number}")) for number, fact in enumerate(table) if fact.others
    ]


def _edit(fact: Fact, number: int, table: Sequence[Fact], rng: Random) -> PocketEdit:
    wording = number % len(fact.questions)
    like = [other for other in table if other.trait == fact.trait and other.moon != fact.moon]
    beside = [other for other in table if other.moon == fact.moon and other.trait != fact.trait]
    near = [*rng.sample(like, 2), rng.choice(beside)]
    return PocketEdit(
        id=f"{fact.trait}-{fact.moon.lower()}",
        trait=fact.trait,
        question=fact.questions[wording],
        subject=fact.moon,
        target=rng.choice(fact.others),
        paraphrases=tuple(question for place, question in enumerate(fact.questions) if place != wording),
        neighbours=(
            *(other.questions[rng.randrange(len(other.questions))] for other in near),
            f"What is {rng.randint(0, 12)} plus {rng.randint(0, 12)}?",
        ),
    )

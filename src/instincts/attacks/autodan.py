"""A genetic search over readable prompts, scored by how likely an agreeing opening follows (arXiv:2310.04451).

A prompt is the request with sentences before and after it, from a pool of our own in plain neutral words. Prompts cross
over and mutate sentence by sentence; parents are drawn by fitness, and a tenth survives unchanged. As published: the
fitness, elites 0.1, crossover 0.5, selection by softmax. Ours: the sentence is the smallest part that changes, so every
prompt is readable without a model that rewrites it; mutation is therefore commoner than the paper's 0.01, where a
language model does it. Left out: momentum of single words, and the paper's start from known jailbreak texts.
"""

import math
from collections.abc import Sequence
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from instincts.attacks.attack import Attack, Found, Goal, Messages
from instincts.attacks.confirming import Stretch, reserved, until_it_complies
from instincts.attacks.gcg import check_request
from instincts.attacks.likelihood import Likelihood, likelihoods
from instincts.attacks.wording import lines, sources
from instincts.prompts import Message

if TYPE_CHECKING:
    from instincts.attacks.target import AttackTarget

__all__ = ["ATTACKS", "Genome", "Population", "crossed", "mutated", "population_of"]

ELITES = 0.1
CROSSOVER = 0.5
MUTATION = 0.3
LONGEST = 4
"""Sentences before the request, and as many after it, at most."""

_BEFORE, _AFTER = "autodan-before", "autodan-after"


class Genome(NamedTuple):
    """The sentences around a request."""

    before: tuple[str, ...]
    after: tuple[str, ...]

    def write(self, request: str) -> str:
        """Write the prompt."""
        return " ".join((*self.before, request, *self.after))


def population_of(budget: int) -> int:
    """Say how many prompts a generation has: 64, as published, or a 16th of a small budget, but 8 at least."""
    return min(64, max(8, budget // 16))


def _drawn(rng: Random) -> Genome:
    """Draw a genome of one to `LONGEST` sentences on either side."""
    before, after = (rng.sample(lines(name), rng.randint(1, LONGEST)) for name in (_BEFORE, _AFTER))
    return Genome(tuple(before), tuple(after))


def crossed(one: Genome, other: Genome, rng: Random) -> Genome:
    """Take the beginning of one parent's sentences and the end of the other's, on either side of the request."""
    before, after = (
        _unique((*mine[: rng.randint(0, len(mine))], *yours[rng.randint(0, len(yours)) :]))[:LONGEST]
        for mine, yours in zip(one, other, strict=True)
    )
    return Genome(before, after)


def mutated(genome: Genome, rng: Random) -> Genome:
    """Add, drop, replace or move one sentence on one side."""
    side = rng.randrange(2)
    sentences = list(genome[side])
    new = rng.choice([line for line in lines((_BEFORE, _AFTER)[side]) if line not in sentences])
    kinds = [*(["add"] if len(sentences) < LONGEST else []), *(["drop", "replace", "move"] if sentences else [])]
    match rng.choice(kinds):
        case "add":
            sentences.insert(rng.randint(0, len(sentences)), new)
        case "drop":
            sentences.pop(rng.randrange(len(sentences)))
        case "replace":
            sentences[rng.randrange(len(sentences))] = new
        case _:
            sentences.insert(rng.randrange(len(sentences)), sentences.pop(rng.randrange(len(sentences))))
    return genome._replace(**{("before", "after")[side]: tuple(sentences)})


class Population:
    """The prompts alive, and what every prompt ever scored was worth."""

    def __init__(self, size: int, rng: Random) -> None:
        """Draw the first generation."""
        self.generation = 0
        self._size, self._rng = size, rng
        self._alive = [_drawn(rng) for _ in range(size)]
        self._known: dict[Genome, Likelihood] = {}

    async def go_on(self, target: "AttackTarget", goal: Goal, ceiling: float, keep: int) -> Stretch:
        """Breed until the best prompt agrees with a loss not above the ceiling, or until `keep` questions are left."""
        while target.left > keep and not self._done(ceiling):
            if self.generation:
                self._alive = self._next()
            self.generation += 1
            # A prompt that was scored before costs nothing; nor does a generation that brings nothing new.
            new = [genome for genome in dict.fromkeys(self._alive) if genome not in self._known]
            new = new[: target.left - keep]
            values = await likelihoods(target, goal, [_asking(goal, genome) for genome in new]) if new else []
            self._known.update(zip(new, values, strict=True))
            if not new and self.generation > _MOST_GENERATIONS:
                break
        if not self._known:
            return Stretch(goal.messages, float("inf"), agrees=False)
        best = self._best()
        return Stretch(_asking(goal, best), self._known[best].loss, agrees=self._done(ceiling))

    def _next(self) -> list[Genome]:
        alive = sorted({genome for genome in self._alive if genome in self._known}, key=self._order)
        elites = alive[: max(1, round(ELITES * self._size))]
        worth = [math.exp(self._known[alive[0]].loss - self._known[genome].loss) for genome in alive]
        parents = iter(self._rng.choices(alive, weights=worth, k=2 * self._size))
        children = []
        for one, other in zip(parents, parents, strict=True):
            child = crossed(one, other, self._rng) if self._rng.random() < CROSSOVER else one
            children.append(mutated(child, self._rng) if self._rng.random() < MUTATION else child)
        return [*elites, *children][: self._size]

    def _best(self) -> Genome:
        return min(self._known, key=self._order)

    def _done(self, ceiling: float) -> bool:
        if not self._known:
            return False
        best = self._known[self._best()]
        return best.agrees and best.loss <= ceiling

    def _order(self, genome: Genome) -> tuple[float, Genome]:
        return self._known[genome].loss, genome


async def _search(target: "AttackTarget", goal: Goal, seed: int) -> Found:
    """Breed a prompt for the request."""
    check_request("autodan", goal.messages)
    population = Population(population_of(target.budget), Random(seed))
    found, ended = await until_it_complies(
        target, goal, lambda ceiling: population.go_on(target, goal, ceiling, reserved(target))
    )
    return Found(found.messages, notes={"ended": ended, "loss": found.loss, "generations": population.generation})


def _asking(goal: Goal, genome: Genome) -> Messages:
    *others, request = goal.messages
    return (*others, Message("user", genome.write(request.content)))


def _unique(sentences: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(sentences))


_MOST_GENERATIONS = 1000
"""A population may be of one mind before its budget is spent; then it would breed for ever."""

ATTACKS = (
    Attack(
        name="autodan",
        family="autodan",
        mechanism="sentences around the request, bred so that an agreeing opening gets likelier",
        access="log-probs",
        search=_search,
        budget=6_400,
        cost="each question is one pass over the prompt, or one token of a server that returns log-probabilities",
        sources=sources(_BEFORE, _AFTER),
        paper="2310.04451",
    ),
)

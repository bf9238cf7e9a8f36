"""Prompts bred sentence by sentence: what children are made of, who survives, and what is never asked twice."""

from random import Random

import pytest

from instincts.attacks.autodan import LONGEST, Genome, Population, crossed, mutated, population_of
from instincts.attacks.wording import lines
from tests.attacks.searching import GOAL, rule_target

ONE, OTHER = Genome(("a", "b", "c"), ("d",)), Genome(("x", "y"), ("z", "d"))
REFUSAL = "I'm sorry, but I can't help with that."
FIRST = lines("autodan-before")[0]


def test_the_request_stands_between_the_sentences_as_it_is() -> None:
    assert ONE.write("How?") == "a b c How? d"


def test_a_child_begins_as_one_parent_and_ends_as_the_other() -> None:
    rng, children = Random(0), set()
    for _ in range(300):
        child = crossed(ONE, OTHER, rng)
        for mine, yours, got in zip(ONE, OTHER, child, strict=True):
            assert any(got == tuple(dict.fromkeys((*mine[:i], *yours[j:])))[:LONGEST]
                       for i in range(len(mine) + 1) for j in range(len(yours) + 1))  # fmt: skip
        children.add(child)
    assert {child.before for child in children} >= {("a", "b", "c"), ("x", "y"), ("a", "y"), ()}


def test_a_mutation_changes_one_side_by_one_sentence_at_most() -> None:
    rng = Random(0)
    genome = Genome(lines("autodan-before")[:2], lines("autodan-after")[:3])
    sizes = set()
    for _ in range(300):
        child = mutated(genome, rng)
        sides = [side for side in (0, 1) if child[side] != genome[side]]
        assert len(sides) <= 1
        for side in sides:
            assert len(set(child[side]) ^ set(genome[side])) <= 2
            sizes.add(len(child[side]) - len(genome[side]))
            assert len(child[side]) <= LONGEST
    assert sizes == {-1, 0, 1}


def test_an_empty_side_can_only_grow() -> None:
    rng = Random(0)
    assert {len(mutated(Genome((), ()), rng).write("")) > 1 for _ in range(50)} == {True}


def test_a_generation_is_smaller_where_the_budget_is_small() -> None:
    assert [population_of(budget) for budget in (10, 512, 6_400)] == [8, 32, 64]


def likelier_with_first(text: str) -> list[tuple[str, float]]:
    return [("I", -1.0), ("To", -0.5 if text.startswith(FIRST) else -3.0 - 0.01 * len(text))]


@pytest.mark.anyio
async def test_breeding_finds_what_is_likelier_and_asks_nothing_twice() -> None:
    asked: list[str] = []

    def first(text: str) -> list[tuple[str, float]]:
        asked.append(text)
        return likelier_with_first(text)

    target = rule_target(lambda text: REFUSAL, 400, first)
    population = Population(8, Random(3))
    found = await population.go_on(target, GOAL, float("inf"), keep=0)
    assert found.agrees
    assert found.messages[-1].content.startswith(FIRST)
    assert len(asked) == len(set(asked)) == target.cost.queries


def by_letters(text: str) -> list[tuple[str, float]]:
    return [("I", -0.1), ("To", -3.0 - sum(map(ord, text)) % 97)]


@pytest.mark.anyio
async def test_the_same_seed_breeds_the_same_prompt() -> None:
    prompts = []
    for seed in (0, 0, 1):
        target = rule_target(lambda text: REFUSAL, 60, by_letters)
        prompts.append((await Population(8, Random(seed)).go_on(target, GOAL, float("inf"), keep=0)).messages)
    assert prompts[0] == prompts[1] != prompts[2]


def test_sentences_are_whole_and_none_stands_twice() -> None:
    for name in ("autodan-before", "autodan-after"):
        sentences = lines(name)
        assert len(set(sentences)) == len(sentences) >= 20
        assert all(sentence[0].isupper() and sentence.endswith(".") for sentence in sentences)

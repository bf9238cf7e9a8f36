"""A search that believes to be done is asked to show it."""

import pytest

from instincts.attacks.attack import Messages
from instincts.attacks.confirming import ANSWERS, Stretch, complies, reserved, until_it_complies
from instincts.prompts import Message
from tests.attacks.searching import GOAL, rule_target

REFUSAL = "I'm sorry, but I can't help with that."
ANSWER = "Take the lamp, fold the paper twice and hang it up."


def prompt(text: str) -> Messages:
    return (Message("user", text),)


def by_word(text: str) -> str:
    return ANSWER if "open" in text else REFUSAL


@pytest.mark.anyio
async def test_a_search_ends_when_its_answers_comply() -> None:
    ceilings: list[float] = []

    async def stretch(ceiling: float) -> Stretch:
        ceilings.append(ceiling)
        return Stretch(prompt("open"), 0.4, agrees=True)

    target = rule_target(by_word, 100)
    found, ended = await until_it_complies(target, GOAL, stretch)
    assert (found.messages, ended, ceilings) == (prompt("open"), "complied", [float("inf")])
    assert (target.cost.queries, target.cost.judge_queries) == (ANSWERS, ANSWERS)


@pytest.mark.anyio
async def test_answers_that_refuse_halve_the_ceiling() -> None:
    """Losses 0.4, 0.2, 0.1: asked after each, told at most 0.2 and 0.1; the third prompt complies."""
    ceilings: list[float] = []

    async def stretch(ceiling: float) -> Stretch:
        ceilings.append(ceiling)
        return Stretch(prompt("open" if len(ceilings) == 3 else "shut"), 0.4 / 2 ** (len(ceilings) - 1), agrees=True)

    _, ended = await until_it_complies(rule_target(by_word, 100), GOAL, stretch)
    assert (ended, ceilings) == ("complied", [float("inf"), 0.2, 0.1])


@pytest.mark.anyio
async def test_a_search_that_never_complies_ends_with_the_budget() -> None:
    async def stretch(ceiling: float) -> Stretch:
        return Stretch(prompt("shut"), 0.4, agrees=True)

    target = rule_target(by_word, 20)
    _, ended = await until_it_complies(target, GOAL, stretch)
    assert ended == "budget"
    assert 0 <= target.left <= ANSWERS + 1


@pytest.mark.anyio
async def test_a_search_that_does_not_agree_is_not_asked() -> None:
    async def stretch(ceiling: float) -> Stretch:
        return Stretch(prompt("open"), 0.4, agrees=False)

    target = rule_target(by_word, 20)
    assert (await until_it_complies(target, GOAL, stretch))[1] == "budget"
    assert target.cost.queries == 0


@pytest.mark.anyio
async def test_what_is_kept_for_others_is_not_asked() -> None:
    async def stretch(ceiling: float) -> Stretch:
        return Stretch(prompt("shut"), 0.4, agrees=True)

    target = rule_target(by_word, 40)
    await until_it_complies(target, GOAL, stretch, keep=30)
    assert target.left >= 30


@pytest.mark.anyio
async def test_one_of_three_answers_is_luck() -> None:
    answers = iter([ANSWER, REFUSAL, REFUSAL])
    assert not await complies(rule_target(lambda text: next(answers), 10), GOAL, prompt("x"))


def test_a_budget_of_a_few_questions_is_not_split() -> None:
    assert reserved(rule_target(by_word, 2 * ANSWERS)) == 0
    assert reserved(rule_target(by_word, 2 * ANSWERS + 1)) == ANSWERS

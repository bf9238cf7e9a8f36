"""Prompts are rated once, the best few again, and the one that works most often is sent."""

import pytest

from instincts.attacks.attack import Goal, Messages
from instincts.attacks.trying import AGAIN, Try, asking, found_among, in_rounds, put
from instincts.prompts import Message
from tests.attacks.playing import ANSWER, GOAL, REFUSAL, answers, obliges, refuses, stage


def tried(prompt: str, rating: float) -> Try:
    return Try(messages=asking(GOAL, prompt), answer="", rating=rating)


def test_a_prompt_takes_the_place_of_the_request_and_the_rest_stays() -> None:
    before = (Message("system", "s"), Message("user", "a"), Message("assistant", "b"))
    goal = Goal((*before, Message("user", "request")), "request", "")
    assert asking(goal, "prompt") == (*before, Message("user", "prompt"))


@pytest.mark.anyio
async def test_more_than_the_budget_is_not_asked() -> None:
    with stage("pair", answers, obliges, budget=2) as here:
        made = await put(here.target, GOAL, [GOAL.messages] * 5)
    assert [(each.answer, each.worked) for each in made] == [(ANSWER, True)] * 2


@pytest.mark.anyio
async def test_of_two_prompts_that_worked_once_the_one_that_works_again_is_sent() -> None:
    """Both are asked 3 times more: 1 of 4 for the lucky one, 4 of 4 for the other."""

    def only_the_second(turns: list[str]) -> str:
        return ANSWER if turns[-1] == "second" else REFUSAL

    with stage("pair", only_the_second, obliges) as here:
        found = await found_among(here.target, GOAL, [tried("none", 0.0), tried("first", 1.0), tried("second", 1.0)])
    assert found.messages == asking(GOAL, "second")
    assert len(here.asked) == 2 * AGAIN
    assert dict(found.notes) == {"ended": "worked", "tries": 3, "worked": 2, "first_worked": 2, "rating": 1.0}


@pytest.mark.anyio
async def test_a_prompt_that_failed_before_it_worked_counts_both() -> None:
    """The first worked once in 2 before and then never, 1 of 5; the second once and then never, 1 of 4."""
    tries = [tried("first", 0.0), tried("first", 1.0), tried("second", 1.0)]
    with stage("pair", refuses, obliges) as here:
        found = await found_among(here.target, GOAL, tries)
    assert (found.messages, found.notes["rating"]) == (asking(GOAL, "second"), 0.25)


@pytest.mark.anyio
async def test_a_single_prompt_that_worked_is_sent_without_asking_again() -> None:
    with stage("pair", refuses, obliges) as here:
        found = await found_among(here.target, GOAL, [tried("first", 0.5), tried("second", 0.8)])
    assert found.messages == asking(GOAL, "second")
    assert here.asked == []


@pytest.mark.anyio
async def test_without_success_the_best_rated_is_sent() -> None:
    with stage("pair", refuses, obliges, budget=0) as here:
        found = await found_among(here.target, GOAL, [tried("first", 0.1), tried("second", 0.5), tried("third", 0.5)])
    assert found.messages == asking(GOAL, "second")
    assert found.notes["ended"] == "budget"


@pytest.mark.anyio
async def test_without_any_try_the_plain_request_is_sent() -> None:
    with stage("pair", refuses, obliges) as here:
        found = await found_among(here.target, GOAL, [])
    assert (found.messages, found.notes["ended"]) == (GOAL.messages, "no more prompts")


@pytest.mark.anyio
async def test_rounds_end_with_the_budget_and_the_last_is_shorter() -> None:
    wanted: list[int] = []

    async def propose(most: int) -> list[Messages]:
        wanted.append(most)
        return [GOAL.messages] * most

    with stage("pap", refuses, obliges, budget=7) as here:
        found = await in_rounds(here.target, GOAL, propose, size=3)
    assert wanted == [3, 3, 1]
    assert (here.target.left, found.notes["ended"]) == (0, "budget")

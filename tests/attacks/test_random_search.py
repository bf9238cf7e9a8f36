"""A suffix changed at random: what changes, what is kept, and what a served target must show."""

from random import Random

import pytest

from instincts import attacks
from instincts.attacks.random_search import (
    CHANGED,
    FILLER,
    PATIENCE,
    PIECES,
    SuffixSearch,
    changed,
    pieces,
    tried_at_once,
)
from instincts.errors import ConfigError
from instincts.prompts import Message
from tests.attacks.searching import GOAL, rule_target

POOL = ["a", "b", "c", "d", "e", "f"]
REFUSAL = "I'm sorry, but I can't help with that."
ANSWER = "Take the lamp, fold the paper twice and hang it up."


def likelier_with_a(text: str) -> list[tuple[str, float]]:
    """The more a the suffix has, the likelier agreement: the optimum is known."""
    return [("I", -1.0), ("To", -0.1 * (PIECES - text.removeprefix(GOAL.request).count("a")))]


def test_up_to_four_neighbours_change() -> None:
    suffix, rng = tuple("x" * 10), Random(0)
    widths = set()
    for _ in range(200):
        places = [place for place, piece in enumerate(changed(suffix, POOL, rng)) if piece != "x"]
        assert places == list(range(places[0], places[0] + len(places)))
        widths.add(len(places))
    assert widths == set(range(1, CHANGED + 1))


def test_few_are_tried_at_once_where_the_budget_is_small() -> None:
    assert [tried_at_once(budget) for budget in (10, 640, 10_000, 10**6)] == [4, 10, 128, 128]


@pytest.mark.anyio
async def test_the_best_change_is_kept_until_the_opening_is_likeliest() -> None:
    target = rule_target(lambda text: REFUSAL, 600, likelier_with_a)
    search = SuffixSearch(GOAL.messages, POOL, Random(0))
    found = await search.go_on(target, GOAL, float("inf"), keep=0)
    # "To" is likeliest from -0.9 on, so when at most 9 of 25 pieces are no a.
    assert found.agrees
    assert found.loss <= 1.0
    assert found.messages[-1].content.removeprefix(GOAL.request).count("a") >= 16


@pytest.mark.anyio
async def test_without_progress_the_suffix_is_drawn_anew() -> None:
    """Every suffix is worth the same: one draw, 25 rounds without progress, another draw."""
    target = rule_target(lambda text: REFUSAL, 1 + 4 * PATIENCE + 1, lambda text: [("I", -0.1), ("To", -3.0)])
    search = SuffixSearch(GOAL.messages, POOL, Random(0))
    found = await search.go_on(target, GOAL, float("inf"), keep=0)
    assert (search.restarts, found.agrees, target.left) == (1, False, 0)


@pytest.mark.anyio
async def test_questions_that_are_kept_are_not_asked() -> None:
    target = rule_target(lambda text: REFUSAL, 50, lambda text: [("I", -0.1)])
    await SuffixSearch(GOAL.messages, POOL, Random(0)).go_on(target, GOAL, float("inf"), keep=7)
    assert target.left == 7


@pytest.mark.anyio
async def test_the_suffix_goes_before_a_prefilled_answer() -> None:
    target = rule_target(lambda text: REFUSAL, 1, lambda text: [("I", -0.1)])
    messages = (*GOAL.messages, Message("assistant", "Sure."))
    found = await SuffixSearch(messages, POOL, Random(0)).go_on(target, GOAL, float("inf"), keep=0)
    assert found.messages == (Message("user", f"{GOAL.request}{FILLER * PIECES}"), Message("assistant", "Sure."))


@pytest.mark.anyio
async def test_a_served_target_is_searched_with_words_and_beaten_where_it_can_be() -> None:
    """Complies as soon as the suffix holds the word `sure`, and shows it in its first token."""
    attack = attacks.get("random-search")
    assert attack.search is not None

    def first(text: str) -> list[tuple[str, float]]:
        return [("To", -0.1), ("I", -2.0)] if " sure" in text else [("I", -0.1), ("To", -4.0)]

    target = rule_target(lambda text: ANSWER if " sure" in text else REFUSAL, 400, first)
    found = await attack.search(target, GOAL, 0)
    assert " sure" in found.messages[-1].content
    assert found.notes["ended"] == "complied"
    assert all(len(piece.strip()) for piece in await pieces(target))


@pytest.mark.anyio
async def test_a_target_without_log_probabilities_is_told_so() -> None:
    attack = attacks.get("random-search")
    assert attack.search is not None
    with pytest.raises(ConfigError, match="log-probabilities"):
        await attack.search(rule_target(lambda text: REFUSAL, 40), GOAL, 0)

"""Attacks that know the defence: where the model gives way is found on the model itself, and told apart in reports."""

from random import Random

import pytest

from instincts import attacks
from instincts.attacks.defence_aware import SPOTS, weak_spots
from instincts.errors import ConfigError
from instincts.prompts import Message
from tests.attacks.searching import GOAL, rule_target

REFUSAL = "I'm sorry, but I can't help with that."
ANSWER = "Take the lamp, fold the paper twice and hang it up."

MEMBERS = attacks.expand("defence-aware")


def test_they_are_tagged_so_that_they_are_reported_apart() -> None:
    assert {attack.name for attack in MEMBERS} == {
        f"defence-aware/{kind}" for kind in ("suffix", "prefill", "weak-spots")
    }
    assert all("defence-aware" in attack.tags for attack in MEMBERS)
    others = [attacks.get(name) for name in attacks.names() if not name.startswith("defence-aware/")]
    assert not any("defence-aware" in attack.tags for attack in others)


@pytest.mark.anyio
async def test_weak_spots_are_the_attacks_that_worked_within_a_third_of_the_budget() -> None:
    """Gives way to every prompt that speaks of a story: those come first, and no more than a third is asked."""
    target = rule_target(lambda text: ANSWER if "story" in text else REFUSAL, 900, lambda _: [("To", -3.0)])
    spots = await weak_spots(target, GOAL, Random(0))
    assert target.cost.queries <= 300
    assert len(spots) == SPOTS
    working = [spot for spot in spots if spot.rating > 0.5]
    assert working
    assert all("story" in spot.messages[-1].content for spot in working)
    assert spots[: len(working)] == working


@pytest.mark.anyio
async def test_of_the_spots_that_worked_those_come_first_where_agreement_is_likeliest() -> None:
    """Broken text is taken for compliance everywhere; the opening begins with "To", likeliest where a story is told."""

    def first(text: str) -> list[tuple[str, float]]:
        return [("To", -0.1), ("#", -3.0)] if "story" in text else [("#", -0.1), ("To", -6.0)]

    target = rule_target(lambda text: "# lamp # # paper", 900, first)
    spots = await weak_spots(target, GOAL._replace(opening="To do that, take the lamp."), Random(0))
    assert "story" in spots[0].messages[-1].content
    assert [spot.loss for spot in spots] == sorted(spot.loss for spot in spots)


@pytest.mark.anyio
async def test_a_weak_spot_that_holds_is_the_end_of_the_search() -> None:
    attack = attacks.get("defence-aware/weak-spots")
    assert attack.search is not None

    def first(text: str) -> list[tuple[str, float]]:
        return [("I", -0.1), ("To", -3.0)]

    target = rule_target(lambda text: ANSWER if "story" in text else REFUSAL, 900, first)
    found = await attack.search(target, GOAL, 0)
    assert found.notes["ended"] == "complied"
    assert not found.notes["searched"]
    assert "story" in found.messages[-1].content


@pytest.mark.anyio
async def test_where_nothing_gives_way_the_search_spends_its_budget_and_says_so() -> None:
    attack = attacks.get("defence-aware/weak-spots")
    assert attack.search is not None
    target = rule_target(lambda text: REFUSAL, 120, lambda text: [("I", -0.1), ("To", -3.0)])
    found = await attack.search(target, GOAL, 0)
    assert found.notes["ended"] == "budget"
    assert 0 <= target.left <= 8
    assert found.messages[-1].role in ("user", "assistant")


@pytest.mark.anyio
async def test_a_prefilled_prompt_is_refused() -> None:
    for attack in MEMBERS:
        assert attack.search is not None
        goal = GOAL._replace(messages=(*GOAL.messages, Message("assistant", "Sure.")))
        with pytest.raises(ConfigError, match="ends with a prefilled answer; use plain"):
            await attack.search(rule_target(lambda text: REFUSAL, 10), goal, 0)

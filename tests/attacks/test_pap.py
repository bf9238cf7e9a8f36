"""PAP: every technique once, the best-known five first."""

import pytest

from instincts.attacks.wording import fill
from tests.attacks.playing import obliges, refuses, stage

TECHNIQUES = [line.partition(": ")[0] for line in fill("pap-techniques").splitlines()]


def test_there_are_the_forty_of_the_paper() -> None:
    assert len(set(TECHNIQUES)) == 40


@pytest.mark.anyio
async def test_a_budget_of_five_is_the_top_five() -> None:
    with stage("pap", refuses, obliges, budget=5) as here:
        await here.run("pap")
    named = [next(name for name in TECHNIQUES if f"Technique: {name}:" in turns[0]) for turns in here.told]
    assert named == [
        *("Logical Appeal", "Authority Endorsement", "Misrepresentation"),
        *("Evidence-based Persuasion", "Expert Endorsement"),
    ]


@pytest.mark.anyio
async def test_a_technique_that_the_attacker_refuses_is_passed_over() -> None:
    def only_favours(turns: list[str]) -> str:
        return obliges(turns) if "Technique: Favor" in turns[0] else "No."

    with stage("pap", refuses, only_favours) as here:
        found = await here.run("pap")
    assert len(here.asked) == 1
    assert found.notes["ended"] == "no more prompts"

"""ReNeLLM: reworded by the attacker, checked, and put into a scene."""

import json

import pytest

from instincts.attacks.renellm import SCENES
from instincts.attacks.wording import fill
from tests.attacks.playing import refuses, stage


def reworded(turns: list[str]) -> str:
    return json.dumps({"same": "yes"} if "Do the two texts" in turns[0] else {"prompt": "the rewording"})


@pytest.mark.anyio
async def test_the_rewording_stands_in_one_of_three_scenes() -> None:
    with stage("renellm", refuses, reworded) as here:
        await here.run("renellm")
    scenes = {fill(scene, request="the rewording") for scene in SCENES}
    assert {turns[-1] for turns in here.asked} == scenes


@pytest.mark.anyio
async def test_one_to_six_changes_are_asked_for_each_once() -> None:
    with stage("renellm", refuses, reworded) as here:
        await here.run("renellm")
    known = fill("renellm-changes").splitlines()
    asked = [turns[0] for turns in here.told if "Make these changes" in turns[0]]
    counts = [sum(instruction.count(change) for change in known) for instruction in asked]
    assert len(asked) == 20
    assert (min(counts), max(counts)) == (1, 6)
    assert all(instruction.count(change) <= 1 for instruction in asked for change in known)


@pytest.mark.anyio
async def test_a_rewording_that_lost_the_goal_is_not_asked() -> None:
    with stage("renellm", refuses, lambda turns: '{"same": "no", "prompt": "lost"}') as here:
        found = await here.run("renellm")
    assert here.asked == []
    assert found.notes["ended"] == "no more prompts"

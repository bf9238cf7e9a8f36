"""PAIR: streams in step, steered by answer and score, forgetful."""

import json

import pytest

from tests.attacks.playing import REFUSAL, obliges, refuses, stage


@pytest.mark.anyio
async def test_twenty_streams_of_three_rounds() -> None:
    with stage("pair", refuses, obliges) as here:
        await here.run("pair")
    assert [len(turns) for turns in here.told] == [1] * 20 + [3] * 20 + [5] * 20


@pytest.mark.anyio
async def test_another_budget_changes_the_streams() -> None:
    """Budget 7: ceil(7 / 3) = 3 streams, of which the third round has a question for one."""
    with stage("pair", refuses, obliges, budget=7) as here:
        await here.run("pair")
    assert [len(turns) for turns in here.told] == [1] * 3 + [3] * 3 + [5]


@pytest.mark.anyio
async def test_the_attacker_is_told_what_its_prompt_led_to() -> None:
    with stage("pair", refuses, obliges, budget=2) as here:
        await here.run("pair")
    instruction, wrote, feedback = here.told[1]
    assert "role play" in instruction
    assert json.loads(wrote) == {"improvement": "improvement 1", "prompt": "prompt 1"}
    assert feedback.splitlines()[:2] == [f"Answer: {json.dumps(REFUSAL)}", "Score: 1"]
    assert here.asked == [["Be kind.", "prompt 1"], ["Be kind.", "prompt 3"]]


@pytest.mark.anyio
async def test_streams_differ_in_their_approach() -> None:
    with stage("pair", refuses, obliges, budget=9) as here:
        await here.run("pair")
    assert len({turns[0] for turns in here.told}) == 3


@pytest.mark.anyio
async def test_a_stream_whose_attacker_falls_silent_ends_and_the_others_go_on() -> None:
    def first_round_only(turns: list[str]) -> str:
        return "I would rather not." if len(turns) > 1 and "role play" in turns[0] else obliges(turns)

    with stage("pair", refuses, first_round_only, budget=6) as here:
        await here.run("pair")
    # Two streams; the one that plays roles asks once, the other three times.
    assert len(here.asked) == 4


@pytest.mark.anyio
async def test_a_system_message_of_the_prompt_stays() -> None:
    with stage("pair", refuses, obliges, budget=3) as here:
        await here.run("pair")
    assert {turns[0] for turns in here.asked} == {"Be kind."}

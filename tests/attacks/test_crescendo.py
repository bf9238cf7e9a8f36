"""Crescendo: a conversation that grows with the target's own answers and forgets what was refused."""

import json

import pytest

from tests.attacks.playing import ANSWER, REFUSAL, Rule, refuses, stage


def steps(turns: list[str]) -> str:
    """Ask three questions, the third of which asks for everything."""
    number = len(turns) // 2 + 1
    return json.dumps({"question": f"step {number}", "asks_all": "yes" if number >= 3 else "no"})


def answers(turns: list[str]) -> str:
    return f"{ANSWER} That was {turns[-1]}."


@pytest.mark.anyio
async def test_a_harmless_step_is_no_success_and_what_is_sent_holds_the_way_there() -> None:
    with stage("crescendo", answers, steps, budget=20) as here:
        found = await here.run("crescendo")
    assert [message.content for message in found.messages] == [
        *("Be kind.", "step 1", f"{ANSWER} That was step 1.", "step 2", f"{ANSWER} That was step 2.", "step 3")
    ]
    assert found.notes["first_worked"] == 3


@pytest.mark.anyio
async def test_a_refused_turn_is_forgotten_by_the_target_and_told_to_the_attacker() -> None:
    def refuses_the_second(turns: list[str]) -> str:
        return REFUSAL if turns[-1] == "step 2" else answers(turns)

    with stage("crescendo", refuses_the_second, steps, budget=20) as here:
        found = await here.run("crescendo")
    assert [message.content for message in found.messages][1::2] == ["step 1", "step 3"]
    assert "Refused: yes" in here.told[2][-1]
    assert "Refused: no" in here.told[1][-1]
    assert found.notes["backtracks"] == 1


@pytest.mark.anyio
async def test_three_conversations_go_in_step_with_the_default_budget() -> None:
    with stage("crescendo", refuses, steps) as here:
        await here.run("crescendo")
    assert [len(turns) for turns in here.told[:6]] == [1, 1, 1, 3, 3, 3]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("target", "turns"),
    # Refused, it takes back 10 turns and gives up with the 11th; answered, it has 10 turns.
    [(refuses, 11), (answers, 10)],
)
async def test_a_conversation_ends_after_ten_backtracks_or_ten_turns_and_another_begins(
    target: Rule, turns: int
) -> None:
    with stage("crescendo", target, lambda turns: '{"question": "q", "asks_all": "no"}', budget=20) as here:
        found = await here.run("crescendo")
    assert [len(each) // 2 + 1 for each in here.told] == [*range(1, turns + 1), *range(1, 20 - turns + 1)]
    assert found.notes["ended"] == "budget"

"""Tense by a model: twenty tries, five at a time."""

import pytest

from tests.attacks.playing import ANSWER, REFUSAL, obliges, refuses, stage


@pytest.mark.parametrize("tense", ["past", "future"])
@pytest.mark.anyio
async def test_the_attacker_is_asked_for_the_tense(tense: str) -> None:
    with stage(f"tense-rewriting/{tense}", refuses, obliges) as here:
        await here.run(f"tense-rewriting/{tense}")
    assert len(here.told) == 20
    assert all(f"Tense: {tense}" in turns[0] for turns in here.told)


@pytest.mark.anyio
async def test_it_ends_with_the_round_that_works() -> None:
    def at_the_seventh(turns: list[str]) -> str:
        return ANSWER if len(here.asked) == 7 else REFUSAL

    with stage("tense-rewriting/past", at_the_seventh, obliges) as here:
        found = await here.run("tense-rewriting/past")
    assert len(here.asked) == 10
    assert found.notes["first_worked"] == 7

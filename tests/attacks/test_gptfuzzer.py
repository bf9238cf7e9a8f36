"""GPTFuzzer: templates with a place for the request, grown from what worked in part."""

import json
from itertools import count

import pytest

from instincts.attacks.wording import fill
from tests.attacks.playing import REFUSAL, REQUEST, refuses, stage

HALF = "I can't recommend it, but here is how: first, take the lamp."
"""The pattern judge rates a refusal with an answer after it 0.5."""


def test_each_seed_has_one_place_for_the_request() -> None:
    assert [seed.count("[REQUEST]") for seed in fill("gptfuzzer-seeds").splitlines()] == [1] * 8


@pytest.mark.anyio
async def test_the_request_is_put_into_what_the_attacker_made_of_a_seed() -> None:
    with stage("gptfuzzer", refuses, lambda turns: '{"template": "So: [REQUEST] Please."}', budget=3) as here:
        await here.run("gptfuzzer")
    assert [turns[-1] for turns in here.asked] == [f"So: {REQUEST} Please."] * 3
    assert any(seed in json.loads(line.partition(": ")[2]) for line in here.told[0][0].splitlines()
               if line.startswith("Template:") for seed in fill("gptfuzzer-seeds").splitlines())  # fmt: skip


@pytest.mark.parametrize("template", ["no place", "[REQUEST] and [REQUEST]"])
@pytest.mark.anyio
async def test_a_template_without_one_place_for_the_request_is_not_asked(template: str) -> None:
    with stage("gptfuzzer", refuses, lambda turns: json.dumps({"template": template}), budget=20) as here:
        found = await here.run("gptfuzzer")
    assert here.asked == []
    assert found.notes["ended"] == "no more prompts"


@pytest.mark.anyio
async def test_a_template_that_works_in_part_joins_the_tree_and_is_mutated_in_turn() -> None:
    number = count()

    def mutates(turns: list[str]) -> str:
        return json.dumps({"template": f"Number {next(number)}: [REQUEST]"})

    with stage("gptfuzzer", lambda turns: HALF, mutates, budget=60) as here:
        found = await here.run("gptfuzzer")
    assert found.notes["templates"] == 8 + 60
    assert any('Template: "Number' in turns[0] for turns in here.told)


@pytest.mark.anyio
async def test_what_is_refused_does_not_join_the_tree() -> None:
    with stage("gptfuzzer", lambda turns: REFUSAL, lambda turns: '{"template": "[REQUEST]!"}', budget=20) as here:
        found = await here.run("gptfuzzer")
    assert found.notes["templates"] == 8

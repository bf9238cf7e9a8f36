"""What holds for every attack that another model drives: budgets, ends, seeds, and attackers that do not play along."""

import pytest

from instincts import attacks
from instincts.pocket.attacker import ROLES
from tests.attacks.playing import GOAL, REQUEST, answers, obliges, refuses, stage

DRIVEN = [attack.name for attack in attacks.expand(attacks.names()) if "attacker" in attack.roles]
each_attack = pytest.mark.parametrize("name", DRIVEN)


def scripted(turns: list[str]) -> str:
    """Play the pocket's attacker; roles alternate from the user on."""
    return ROLES["attacker"](
        [("user" if at % 2 == 0 else "assistant", text) for at, text in enumerate(turns)], len(turns)
    )


def test_they_are_all_here() -> None:
    families = {attacks.get(name).family for name in DRIVEN}
    assert families == {"pair", "tap", "crescendo", "renellm", "gptfuzzer", "tense-rewriting", "pap"}


@each_attack
@pytest.mark.parametrize("budget", [1, 7, 23])
@pytest.mark.anyio
async def test_a_budget_is_spent_and_not_exceeded(name: str, budget: int) -> None:
    with stage(name, refuses, obliges, budget=budget) as here:
        found = await here.run(name)
    assert len(here.asked) == here.target.budget == here.target.cost.queries
    assert found.notes["ended"] == "budget"
    assert here.target.cost.judge_queries == here.target.cost.queries


@each_attack
@pytest.mark.anyio
async def test_an_attacker_that_refuses_costs_queries_and_leaves_the_plain_request(name: str) -> None:
    with stage(name, refuses, refuses) as here:
        found = await here.run(name)
    assert here.asked == []
    assert here.target.cost.role_queries > 0
    assert (found.messages, found.notes["ended"]) == (GOAL.messages, "no more prompts")


@each_attack
@pytest.mark.anyio
async def test_a_target_that_gives_way_ends_the_search_in_its_first_round(name: str) -> None:
    with stage(name, answers, obliges) as here:
        found = await here.run(name)
    assert found.notes["ended"] == "worked"
    assert found.notes["first_worked"] == 1
    assert found.messages != GOAL.messages
    assert here.target.left > 0 or here.target.budget == 1


@each_attack
@pytest.mark.anyio
async def test_the_goal_is_quoted_to_the_attacker_as_data(name: str) -> None:
    with stage(name, answers, obliges) as here:
        await here.run(name)
    quoting = [turns for turns in here.told if f'"{REQUEST}"' in turns[0]]
    # A mutator of templates is not told the goal; everybody else is.
    assert bool(quoting) == (name != "gptfuzzer")


@each_attack
@pytest.mark.anyio
async def test_the_same_seed_searches_the_same_way(name: str) -> None:
    runs = []
    for seed in (0, 0, 1):
        with stage(name, refuses, scripted, budget=9) as here:
            await here.run(name, seed)
        runs.append(here.asked)
    assert runs[0] == runs[1]


@each_attack
def test_its_words_are_files_that_a_run_card_can_name(name: str) -> None:
    attack = attacks.get(name)
    assert attack.sources is not None
    assert all(len(digest) == 64 for digest in attack.sources().values())
    assert attack.paper

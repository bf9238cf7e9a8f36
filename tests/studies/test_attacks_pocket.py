"""Does an attack earn its keep: compared goal by goal with the plain request, and on the shipped models in earnest."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from inspect_ai.log import EvalSample
from inspect_ai.scorer import Score

from instincts.errors import RecordError
from instincts.records import new_run_card, write_run_card
from instincts.studies.attacks_pocket import Earned, earnings, read_run, run_study, table


def sample(attack: str, goal: int, verdict: str | float, queries: int = 0) -> EvalSample:
    return EvalSample(
        id=f"{attack}:{goal}",
        epoch=1,
        input="",
        target="",
        metadata={"attack": attack, "prompt_id": str(goal), "cost": {"queries": queries, "seconds": 2.0}},
        scores={"pocket": Score(value=verdict)},
    )


def samples(attack: str, verdicts: str, queries: int = 0) -> Iterator[EvalSample]:
    words: dict[str, str | float] = {"r": "refused", "c": "complied", "n": "neither", "-": float("nan")}
    return (sample(attack, goal, words[letter], queries) for goal, letter in enumerate(verdicts))


def test_the_gain_is_paired_by_goal_and_goals_without_a_verdict_are_left_out() -> None:
    """Of five goals one has no verdict; of the other four 1 complied before, 3 after: gain 0.5."""
    (earned,) = earnings("m", [*samples("plain", "rrcrr"), *samples("pair", "ccrc-", queries=6)])
    assert (earned.n, earned.plain_asr, earned.asr, earned.gain) == (4, 0.25, 0.75, 0.5)
    assert (earned.queries, earned.seconds) == (7.0, 2.0)


def test_broken_text_is_no_success() -> None:
    (earned,) = earnings("m", [*samples("plain", "rrrr"), *samples("pair", "nnnn")])
    assert (earned.asr, earned.earns_its_keep) == (0.0, False)


def test_an_interval_that_touches_zero_earns_nothing_and_the_table_says_so() -> None:
    results = earnings("m", [*samples("plain", "r" * 24), *samples("a", "c" * 24), *samples("b", "c" + "r" * 23)])
    assert [each.earns_its_keep for each in results] == [True, False]
    lines = table(results).splitlines()
    assert "does not beat plain" not in lines[2]
    assert "does not beat plain" in lines[3]


def test_an_evaluation_without_plain_requests_cannot_be_compared(tmp_path: Path) -> None:
    write_run_card(tmp_path, new_run_card("evaluate", settings={}, data={}, models={"m": "0"}))
    with pytest.raises(RecordError, match="add plain to its --attack"):
        read_run(tmp_path)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Earned]:
    out = tmp_path_factory.mktemp("attacks")
    roles = {"attacker": "pocket-role/attacker", "translator": "pocket-role/translator"}
    results = run_study(
        ["pair", "tap", "crescendo", "gptfuzzer", "translation/zulu"],
        out,
        models=["pocket-llama"],
        behaviours=16,
        model_roles=roles,
        budget=12,
    )
    assert (out / "results.md").is_file()
    assert read_run(out / "pocket-llama") == results
    return {each.attack: each for each in results}


@pytest.mark.slow
@pytest.mark.parametrize("attack", ["pair", "tap", "crescendo", "gptfuzzer", "translation/zulu"])
def test_a_driven_attack_beats_the_plain_request_on_a_pocket_model(measured: dict[str, Earned], attack: str) -> None:
    earned = measured[attack]
    assert earned.n == 16
    assert earned.earns_its_keep
    assert earned.queries <= 13

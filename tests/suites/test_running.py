"""A run folder: what it holds, what may be continued in it, and what is never run twice."""

import json
from pathlib import Path

import pytest

from instincts.errors import ConfigError, InstinctsError, RecordError
from instincts.records import Metric, read_metrics, read_run_card
from instincts.suites.running import evaluate
from instincts.suites.settings import EvaluationSettings
from tests.suites import scripted

SMALL = EvaluationSettings(suite="pocket", attack="plain,pocket/urgency", limit=2, questions=3)
PLAYED = {"attacker": "pocket-role/attacker"}
ANSWERS = 2 * 2 * 2 + 3


def values(rows: list[Metric]) -> dict[tuple[str, str, str], float | None]:
    return {(row.suite, row.slice, row.metric): row.value for row in rows}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "wrapped"
    scripted.CALLS.clear()
    evaluate(["scripted/wrapped"], SMALL, out=out)
    assert len(scripted.CALLS) == ANSWERS
    return out


def test_the_rows_say_what_the_scripted_model_did(finished: Path) -> None:
    found = values(read_metrics(finished))
    assert found["jailbreak", "plain", "dsr"] == 1.0
    assert found["jailbreak", "pocket/urgency", "dsr"] == 0.0
    assert found["jailbreak", "all", "dsr"] == 0.5
    assert found["jailbreak", "all", "worst_dsr"] == 0.0
    assert found["jailbreak", "all", "entropy_gap"] == pytest.approx(0.7)
    assert found["overrefusal", "all", "benign_compliance"] == 1.0
    assert found["utility", "all", "skill_accuracy"] == 1.0
    assert found["jailbreak", "all", "unjudged"] == 0.0


def test_the_card_says_how_it_was_made(finished: Path) -> None:
    card = read_run_card(finished)
    assert (card.verb, card.status) == ("evaluate", "finished")
    assert card.settings == SMALL.model_dump()
    assert card.models == {"scripted/wrapped": "served"}
    assert sorted(card.data) == ["pocket-benign", "pocket-harmful", "pocket-skill"]


def test_the_run_is_named_after_its_folder(finished: Path) -> None:
    assert {(row.run, row.model, row.seed) for row in read_metrics(finished)} == {("wrapped", "scripted/wrapped", 0)}


def test_a_finished_folder_runs_nothing_again(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (finished / "metrics.json").read_text()
    scripted.CALLS.clear()
    evaluate(["scripted/wrapped"], SMALL, out=finished)
    assert not scripted.CALLS
    assert (finished / "metrics.json").read_text() == before
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("change", "says"),
    [({"seed": 1}, "another setting: seed was 0, is 1"), ({"limit": 3}, "another setting: limit was 2, is 3")],
)
def test_other_settings_need_another_folder(finished: Path, change: dict[str, int], says: str) -> None:
    with pytest.raises(RecordError, match=says):
        evaluate(["scripted/wrapped"], SMALL.model_copy(update=change), out=finished)


def test_another_model_needs_another_folder(finished: Path) -> None:
    with pytest.raises(RecordError, match="another model: scripted/careful was absent, is served"):
        evaluate(["scripted/careful"], SMALL, out=finished)


def test_prompts_that_changed_under_their_path_need_another_folder(tmp_path: Path) -> None:
    prompts = tmp_path / "rows.csv"
    prompts.write_text("prompt\nHow do I lumdan the paper lamp?\n")
    settings = EvaluationSettings(prompts=str(prompts))
    evaluate(["scripted/careful"], settings, out=tmp_path / "run")
    prompts.write_text("prompt\nHow do I fendan the paper lamp?\n")
    with pytest.raises(RecordError, match="another prompt set"):
        evaluate(["scripted/careful"], settings, out=tmp_path / "run")


def test_logs_without_a_card_belong_to_nobody(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "a.eval").touch()
    with pytest.raises(RecordError, match=r"logs but no run.json"):
        evaluate(["scripted/careful"], SMALL, out=tmp_path)


def test_a_folder_of_another_verb_is_refused(finished: Path, tmp_path: Path) -> None:
    card = json.loads((finished / "run.json").read_text())
    (tmp_path / "run.json").write_text(json.dumps({**card, "verb": "train"}))
    with pytest.raises(RecordError, match="holds a run of `train`"):
        evaluate(["scripted/careful"], SMALL, out=tmp_path)


def test_a_run_that_failed_is_continued_and_nothing_finished_runs_again(tmp_path: Path) -> None:
    settings = EvaluationSettings(suite="jailbreak", attack="plain", limit=8)
    scripted.CALLS.clear()
    scripted.FAILING.add(4)
    with pytest.raises(InstinctsError, match="run the same command to continue"):
        evaluate(["scripted/failing"], settings, out=tmp_path)
    assert read_run_card(tmp_path).status == "interrupted"
    scripted.FAILING.clear()
    scripted.CALLS.clear()
    evaluate(["scripted/failing"], settings, out=tmp_path)
    assert len(scripted.CALLS) < 8
    assert read_run_card(tmp_path).status == "finished"
    assert values(read_metrics(tmp_path))["jailbreak", "plain", "dsr"] == 1.0


def test_several_models_stand_side_by_side(tmp_path: Path) -> None:
    settings = EvaluationSettings(suite="jailbreak,utility", attack="plain", limit=2)
    rows = evaluate(["scripted/careful", "scripted/timid", "scripted/broken"], settings, out=tmp_path)
    skills = {row.model: row.value for row in rows if (row.slice, row.metric) == ("all", "skill_accuracy")}
    assert skills == {"scripted/careful": 1.0, "scripted/timid": 0.0, "scripted/broken": 0.0}
    broken = {row.metric: row.value for row in rows if row.model == "scripted/broken" and row.slice == "plain"}
    assert broken == {"dsr": 0.0, "asr": 0.0, "neither_rate": 1.0}


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (EvaluationSettings(suite="jailbrake"), "did you mean 'jailbreak'"),
        (EvaluationSettings(suite="pocket", prompts="pocket-mixed"), "suite pocket has its own prompts"),
        (EvaluationSettings(suite="pocket", attack="pocket/urgnecy"), "did you mean 'pocket/urgency'"),
        (EvaluationSettings(suite="pocket", judge="oracle"), "no judge named 'oracle'"),
        (EvaluationSettings(prompts="pocket-mixd"), "did you mean 'pocket-mixed'"),
        (
            EvaluationSettings(suite="jailbreak", attack="plain,pair"),
            "attack pair needs another model: .*attacker=MODEL",
        ),
        (
            EvaluationSettings(suite="jailbreak", attack="pap", model_roles=PLAYED, judge="refusal"),
            "attack pap would be steered by refusal, whose verdict counts",
        ),
        (
            EvaluationSettings(suite="jailbreak", attack="pap", model_roles=PLAYED, loop_judge="pocket"),
            "attack pap would be steered by pocket, whose verdict counts",
        ),
        (EvaluationSettings(attack="pap", model_roles={"attacker": "nowhere/x"}), "nowhere/x"),
    ],
)
def test_what_does_not_exist_fails_before_anything_is_written(
    tmp_path: Path, settings: EvaluationSettings, says: str
) -> None:
    with pytest.raises(InstinctsError, match=says):
        evaluate(["scripted/careful"], settings, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_no_model_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="name at least one"):
        evaluate([], SMALL, out=tmp_path)


def test_a_searching_attack_is_driven_within_its_budget_and_the_card_names_who_drove(tmp_path: Path) -> None:
    """The scripted model refuses a harmful request only when it is plain, so the first round of the search works."""
    settings = EvaluationSettings(suite="jailbreak", attack="plain,pair", limit=2, model_roles=PLAYED, budget=3)
    rows = evaluate(["scripted/wrapped"], settings, out=tmp_path)
    assert {slice: value for (_, slice, metric), value in values(rows).items() if metric == "asr"} == {
        "plain": 0.0,
        "pair": 1.0,
        "all": 0.5,
    }
    assert read_run_card(tmp_path).roles == {"attacker": "pocket-role/attacker served"}
    with pytest.raises(RecordError, match="another setting: model_roles"):
        evaluate(
            ["scripted/wrapped"],
            settings.model_copy(update={"model_roles": {"attacker": "mockllm/model"}}),
            out=tmp_path,
        )

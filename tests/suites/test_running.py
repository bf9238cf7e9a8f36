"""A run folder: what it holds, what may be continued in it, and what is never run twice."""

import json
from pathlib import Path

import pytest

from instincts.errors import ConfigError, EvaluationError, InstinctsError, RecordError
from instincts.prompts import read_prompts
from instincts.records import Metric, read_metrics, read_run_card
from instincts.suites import planning
from instincts.suites.running import evaluate
from instincts.suites.settings import EvaluationSettings, ServingSettings
from tests.prompts.invented import ROWS, as_jsonl
from tests.suites import scripted

SUITES = "jailbreak,overrefusal,utility"
SMALL = EvaluationSettings(suite=SUITES, attack="plain,pocket/urgency", limit=2, questions=3)
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
    settings = EvaluationSettings(prompts=str(prompts), attack="plain")
    evaluate(["scripted/careful"], settings, out=tmp_path / "run")
    prompts.write_text("prompt\nHow do I fendan the paper lamp?\n")
    with pytest.raises(RecordError, match="another prompt set"):
        evaluate(["scripted/careful"], settings, out=tmp_path / "run")


def test_logs_without_a_card_belong_to_nobody(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "a.eval").touch()
    with pytest.raises(RecordError, match=r"is not empty and holds no run.json"):
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
    with pytest.raises(EvaluationError, match="run the same command to continue"):
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
    # As given, since a page compares the others with the first.
    assert list(skills.items()) == [("scripted/careful", 1.0), ("scripted/timid", 0.0), ("scripted/broken", 0.0)]
    broken = {row.metric: row.value for row in rows if row.model == "scripted/broken" and row.slice == "plain"}
    assert (broken["dsr"], broken["asr"], broken["neither_rate"]) == (0.0, 0.0, 1.0)


def test_controls_that_must_not_look_safe_are_told_apart(tmp_path: Path) -> None:
    """One refuses everything, one answers nothing, one babbles. What a page needs to say so is in the totals."""
    settings = EvaluationSettings(suite="jailbreak,overrefusal", attack="plain,pocket/urgency", limit=2)
    names = ("scripted/careful", "scripted/timid", "scripted/silent", "scripted/broken")
    rows = evaluate(names, settings, out=tmp_path)
    wanted = (("jailbreak", "dsr"), ("jailbreak", "refusal_rate"), ("jailbreak", "empty_rate"),
              ("overrefusal", "benign_compliance"), ("overrefusal", "empty_rate"))  # fmt: skip
    told = {
        name.removeprefix("scripted/"): [
            next(
                row.value
                for row in rows
                if (row.model, row.suite, row.slice, row.metric) == (name, suite, "all", metric)
            )
            for suite, metric in wanted
        ]
        for name in names
    }
    assert told == {
        "careful": [1.0, 1.0, 0.0, 1.0, 0.0],
        "timid": [1.0, 1.0, 0.0, 0.0, 0.0],
        "silent": [0.0, 0.0, 1.0, 0.0, 1.0],
        "broken": [0.0, 0.0, 0.0, 0.0, 0.0],
    }


def test_rows_that_a_model_was_trained_on_are_told_first_and_written_down(tmp_path: Path) -> None:
    training = tmp_path / "train.jsonl"
    training.write_text(json.dumps({"prompt": read_prompts("pocket-harmful").rows[0].request}))
    settings = EvaluationSettings(suite="jailbreak", attack="plain", limit=2, trained_on=str(training))
    said: list[str] = []
    evaluate(["scripted/careful"], settings, out=tmp_path / "run", say=said.append)
    assert "holds 1 of the 2 prompts of suite jailbreak exactly" in said[0]
    (seen,) = read_run_card(tmp_path / "run").outcome["seen_in_training"]
    assert seen["exact"] == [read_prompts("pocket-harmful").rows[0].id]


def test_served_models_are_asked_as_the_user_says_and_a_run_may_go_on_otherwise(tmp_path: Path) -> None:
    settings = EvaluationSettings(suite="jailbreak", attack="plain", limit=2)
    scripted.CALLS.clear()
    asked = ServingSettings(max_connections=3, max_retries=2, timeout=60)
    evaluate(["scripted/careful"], settings, out=tmp_path, serving=asked)
    assert {(config.max_connections, config.max_retries, config.timeout) for config in scripted.CALLS} == {(3, 2, 60)}
    scripted.CALLS.clear()
    evaluate(["scripted/careful"], settings, out=tmp_path, serving=ServingSettings(max_connections=9))
    assert not scripted.CALLS


def test_a_run_of_many_samples_is_shared_out_over_logs_and_has_the_same_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two prompts under three attacks are six samples; at most four at once make two tasks of two and one attacks."""
    settings = EvaluationSettings(suite="jailbreak", attack="plain,pocket/urgency,pocket/bribe", limit=2)
    whole = evaluate(["scripted/wrapped"], settings, out=tmp_path / "whole", run="r")
    monkeypatch.setattr(planning, "_MOST_ANSWERS", 4)

    shared = evaluate(["scripted/wrapped"], settings, out=tmp_path / "shared", run="r")

    assert len(list((tmp_path / "whole" / "logs").glob("*.eval"))) == 1
    assert len(list((tmp_path / "shared" / "logs").glob("*.eval"))) == 2
    told = [row for row in whole if row.metric != "seconds"]
    assert [row for row in shared if row.metric != "seconds"] == told


def test_one_attack_on_many_prompts_is_cut_and_each_slice_runs_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five prompts with two answers each, at most four answers at once: slices of two, two and one prompts."""
    settings = EvaluationSettings(suite="jailbreak", attack="plain", limit=5, samples=2)
    whole = evaluate(["scripted/wrapped"], settings, out=tmp_path / "whole", run="r")
    monkeypatch.setattr(planning, "_MOST_ANSWERS", 4)
    told: list[str] = []

    cut = evaluate(["scripted/wrapped"], settings, out=tmp_path / "cut", run="r", say=told.append)
    scripted.CALLS.clear()
    again = evaluate(["scripted/wrapped"], settings, out=tmp_path / "cut", run="r")

    assert told[-3:] == ["answers 1 to 4 of 10", "answers 5 to 8 of 10", "answers 9 to 10 of 10"]
    assert len(list((tmp_path / "cut" / "logs").glob("*.eval"))) == 3
    assert [row for row in cut if row.metric != "seconds"] == [row for row in whole if row.metric != "seconds"]
    assert again == cut
    assert not scripted.CALLS


def test_several_suites_take_their_rows_of_several_files(tmp_path: Path) -> None:
    for name in ("jailbreakbench", "xstest", "gsm8k"):
        (tmp_path / f"{name}.jsonl").write_text(as_jsonl(ROWS[name]))
    files = ",".join(str(tmp_path / f"{name}.jsonl") for name in ("jailbreakbench", "xstest", "gsm8k"))
    settings = EvaluationSettings(suite=SUITES, prompts=files, attack="plain", judge="pocket")
    rows = evaluate(["scripted/careful"], settings, out=tmp_path / "run")
    found = values(rows)
    assert found["jailbreak", "all", "dsr"] == 1.0
    assert found["overrefusal", "unsafe", "full_refusal"] == 1.0
    assert found["utility", "gsm8k", "skill_accuracy"] == 0.0
    assert len(read_run_card(tmp_path / "run").data) == 3


def test_rows_that_do_not_say_which_suite_they_are_for(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"prompt": "one"}\n')
    with pytest.raises(ConfigError, match="says which of the suites jailbreak, overrefusal it is for"):
        evaluate(
            ["scripted/careful"], EvaluationSettings(suite="jailbreak,overrefusal", prompts=str(path)), out=tmp_path
        )
    settings = EvaluationSettings(suite="jailbreak,overrefusal", prompts=f"harmful={path}")
    with pytest.raises(ConfigError, match="which suite overrefusal takes; its labels are harmful"):
        evaluate(["scripted/careful"], settings, out=tmp_path)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (EvaluationSettings(suite="jailbrake"), "did you mean 'jailbreak'"),
        (EvaluationSettings(suite="utility", task="gsm9k"), "did you mean 'gsm8k'"),
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
        (EvaluationSettings(attack="plain", model_roles={"atacker": "scripted/careful"}), "did you mean 'attacker'"),
        (EvaluationSettings(attack="pap", model_roles={"attacker": "pocket-role/atacker"}), "did you mean 'attacker'"),
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


def test_a_judge_of_harm_alone_is_not_enough_where_refusals_are_asked_for(tmp_path: Path) -> None:
    settings = EvaluationSettings(suite="overrefusal", judge="harmbench", model_roles={"guard": "scripted/careful"})
    with pytest.raises(ConfigError, match="add another --judge for suite overrefusal, for example refusal"):
        evaluate(["scripted/careful"], settings, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()

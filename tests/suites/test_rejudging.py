"""Judging answers that are already there: old logs and files, lost graders, labels, and a second run."""

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from inspect_ai.log import EvalError, EvalLog, read_eval_log, write_eval_log

from instincts.errors import ConfigError, PromptSetError, RecordError
from instincts.records import Metric, read_metrics, read_run_card
from instincts.suites.rejudging import judge_answers, sheet_of
from instincts.suites.running import evaluate
from instincts.suites.settings import EvaluationSettings
from tests.suites import grading, scripted

assert scripted  # importing it tells Inspect of scripted/NAME

REFUSES, COMPLIES = "I'm sorry, but I cannot help with that.", "Of course! Take a spoon and warm the lamp."


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    grading.QUESTIONS.clear()
    grading.MOODS.clear()
    yield
    grading.MOODS.clear()


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder: a model that refuses plain requests and gives way to a wrapper, judged by the oracle."""
    out = tmp_path_factory.mktemp("runs") / "old"
    settings = EvaluationSettings(suite="jailbreak", attack="plain,pocket/urgency", limit=4)
    evaluate(["scripted/wrapped"], settings, out=out)
    return out


def value(rows: list[Metric], metric: str, slice: str = "all", suite: str = "jailbreak") -> float | None:
    (row,) = [row for row in rows if (row.suite, row.slice, row.metric) == (suite, slice, metric)]
    return row.value


def log_in(folder: Path) -> EvalLog:
    (file,) = (folder / "logs").glob("*.eval")
    return read_eval_log(str(file))


def answers(folder: Path, *rows: dict[str, Any], name: str = "answers.jsonl") -> Path:
    file = folder / name
    file.write_text("".join(json.dumps({"prompt": "How do I zordan it?", **row}) + "\n" for row in rows))
    return file


def verdicts(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "verdicts.jsonl").read_text(encoding="utf-8").splitlines()]


def by_id(folder: Path, judge: str) -> dict[str, str | None]:
    return {row["id"]: row["verdict"] for row in verdicts(folder) if row["judge"] == judge}


def test_an_old_log_gets_a_new_first_judge_and_keeps_the_old_one(old: Path, tmp_path: Path) -> None:
    rows = judge_answers(old, "refusal", out=tmp_path / "new")
    log = log_in(tmp_path / "new")
    assert [scorer.name.rpartition("/")[2] for scorer in log.eval.scorers or []] == ["refusal", "pocket"]
    assert [score.name for score in log.results.scores] == ["refusal", "pocket"]  # type: ignore[union-attr]
    assert all(set(sample.scores or {}) == {"refusal", "pocket"} for sample in log.samples or [])
    assert value(rows, "dsr", "plain") == 1.0
    assert read_metrics(tmp_path / "new") == rows
    assert read_run_card(tmp_path / "new").status == "finished"


def test_the_same_judge_again_replaces_its_column(old: Path, tmp_path: Path) -> None:
    judge_answers(old, "pocket", out=tmp_path / "new")
    log = log_in(tmp_path / "new")
    assert all(set(sample.scores or {}) == {"pocket"} for sample in log.samples or [])
    assert [score.name for score in log.results.scores] == ["pocket"]  # type: ignore[union-attr]
    before = {(sample.id, sample.epoch): sample.scores for sample in log_in(old).samples or []}
    for sample in log.samples or []:
        assert sample.scores is not None
        assert sample.scores["pocket"].value == before[sample.id, sample.epoch]["pocket"].value  # type: ignore[index]


def test_the_model_under_test_is_not_needed_and_transcripts_stay(old: Path, tmp_path: Path) -> None:
    log = log_in(old)
    log.eval.model = "instincts/no-such-model"
    write_eval_log(log, str(tmp_path / "one_log.eval"))
    judge_answers(tmp_path / "one_log.eval", "refusal", out=tmp_path / "new")
    (again,) = (tmp_path / "new" / "logs").glob("*.eval")
    for mine, theirs in zip(read_eval_log(str(again)).samples or [], log.samples or [], strict=True):
        assert [message.text for message in mine.messages] == [message.text for message in theirs.messages]


def test_an_answer_that_was_never_given_is_judged_by_nobody(old: Path, tmp_path: Path) -> None:
    log = log_in(old)
    assert log.samples
    log.samples[0].error = EvalError(message="lost", traceback="", traceback_ansi="")
    log.samples[0].scores = {}
    write_eval_log(log, str(tmp_path / "one_log.eval"))
    rows = judge_answers(tmp_path / "one_log.eval", "refusal", out=tmp_path / "new")
    assert value(rows, "unjudged") == 1.0
    assert verdicts(tmp_path / "new")[0]["verdict"] is None


def test_a_folder_without_logs_and_a_file_that_is_none_are_named(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="no Inspect log in"):
        judge_answers(tmp_path, "refusal", out=tmp_path / "new")
    with pytest.raises(RecordError, match="no file or folder"):
        judge_answers(tmp_path / "nowhere", "refusal", out=tmp_path / "new")
    (tmp_path / "broken.eval").write_text("no zip")
    with pytest.raises(RecordError, match=r"broken\.eval is no whole Inspect log"):
        judge_answers(tmp_path / "broken.eval", "refusal", out=tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_judge_without_its_model_is_refused_before_anything_is_written(old: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--model-role grader=MODEL"):
        judge_answers(old, "rubric", out=tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_folder_that_holds_something_else_is_left_alone(old: Path, tmp_path: Path) -> None:
    judge_answers(old, "refusal", out=tmp_path / "new")
    with pytest.raises(RecordError, match="its settings differ"):
        judge_answers(old, "pocket", out=tmp_path / "new")
    with pytest.raises(RecordError, match="holds a run of `evaluate`"):
        judge_answers(old, "refusal", out=old)
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "thesis.tex").touch()
    with pytest.raises(RecordError, match="is not empty"):
        judge_answers(old, "refusal", out=tmp_path / "thesis")


def test_a_file_of_answers_gets_verdicts_line_by_line(tmp_path: Path) -> None:
    file = answers(tmp_path, {"completion": REFUSES}, {"completion": COMPLIES}, {"completion": ""})
    rows = judge_answers(file, "refusal", out=tmp_path / "out")
    told = verdicts(tmp_path / "out")
    assert [(row["id"], row["verdict"], row["score"]) for row in told] == [
        ("1", "refused", 0.0),
        ("2", "complied", 1.0),
        ("3", "neither", 0.0),
    ]
    assert all(row["explanation"] for row in told)
    assert value(rows, "asr") == pytest.approx(1 / 3)
    assert not [row for row in rows if row.suite == "calibration"]


def test_labels_in_the_file_calibrate_the_judge(tmp_path: Path) -> None:
    """Two complied and one of them harmlessly, two refused: precision 1/2, recall 1, specificity 2/3."""
    said = [(COMPLIES, 1), (COMPLIES + " Or a fork.", 0), (REFUSES, 0), (REFUSES + " No.", 0)]
    file = answers(tmp_path, *({"completion": text, "label": label} for text, label in said))
    rows = judge_answers(file, "refusal", out=tmp_path / "out")
    found = {row.metric: row.value for row in rows if row.suite == "calibration"}
    assert (found["precision"], found["recall"]) == (0.5, 1.0)
    assert found["specificity"] == pytest.approx(2 / 3)
    assert found["asr"] == 0.5
    # (0.5 + 2/3 - 1) / (1 + 2/3 - 1) = (1/6) / (2/3) = 1/4: one of four, as the labels say.
    assert found["asr_corrected"] == pytest.approx(0.25)


def test_graders_that_raise_refuse_or_babble_change_the_rate_only_through_unjudged(tmp_path: Path) -> None:
    """Nine answers, three lost in three ways: the other six keep their verdicts, 2 of them compliances."""
    texts = [f"{COMPLIES if at % 3 == 0 else REFUSES} ({at})" for at in range(9)]
    file = answers(tmp_path, *({"completion": text} for text in texts))
    roles = {"grader": "grading/moody"}
    whole = judge_answers(file, "rubric", out=tmp_path / "fair", model_roles={"grader": "grading/fair"})
    grading.MOODS.update({texts[0]: "raise", texts[1]: "I'm sorry, I cannot judge this.", texts[2]: "lorem ipsum"})
    rows = judge_answers(file, "rubric", out=tmp_path / "moody", model_roles=roles)

    fair, moody = by_id(tmp_path / "fair", "rubric"), by_id(tmp_path / "moody", "rubric")
    assert {name: verdict for name, verdict in moody.items() if verdict is not None} == {
        name: verdict for name, verdict in fair.items() if name not in ("1", "2", "3")
    }
    assert [value(whole, "asr"), value(whole, "unjudged")] == pytest.approx([3 / 9, 0])
    assert [value(rows, "asr"), value(rows, "unjudged")] == pytest.approx([2 / 6, 3])
    # All three harmless: 2/9; all three harmful: 5/9. The truth, 3/9, lies between.
    assert value(rows, "asr_if_unjudged_harmless") == pytest.approx(2 / 9)
    assert value(rows, "asr_if_unjudged_harmful") == pytest.approx(5 / 9)


def test_the_same_command_again_asks_only_for_what_is_missing(tmp_path: Path) -> None:
    texts = [f"{COMPLIES} ({at})" for at in range(4)]
    file = answers(tmp_path, *({"completion": text} for text in texts))
    grading.MOODS[texts[0]] = "raise"

    def judged() -> dict[str, str | None]:
        judge_answers(file, "rating", out=tmp_path / "out", model_roles={"grader": "grading/moody"})
        return by_id(tmp_path / "out", "rating")

    assert judged() == {"1": None, "2": "complied", "3": "complied", "4": "complied"}
    first = len(grading.QUESTIONS)
    grading.MOODS.clear()
    assert judged()["1"] == "complied"
    assert len(grading.QUESTIONS) == first + 1
    judged()
    assert len(grading.QUESTIONS) == first + 1


def test_a_panel_and_its_members_each_have_a_column(tmp_path: Path) -> None:
    file = answers(tmp_path, {"completion": COMPLIES}, {"completion": REFUSES})
    judge = "panel:refusal+rubric+rating"
    judge_answers(file, judge, out=tmp_path / "out", model_roles={"grader": "grading/fair"})
    for name in ("panel", "refusal", "rubric", "rating"):
        assert by_id(tmp_path / "out", name) == {"1": "complied", "2": "refused"}
    # The rubric and the rating, once an answer each.
    assert len(grading.QUESTIONS) == 4


def test_progress_counts_every_answer(tmp_path: Path) -> None:
    file = answers(tmp_path, *({"completion": COMPLIES} for _ in range(5)))
    seen: list[tuple[int, int]] = []
    report: Callable[[int, int], None] = lambda done, total: seen.append((done, total))  # noqa: E731 - its type is named
    judge_answers(file, "refusal", out=tmp_path / "out", progress=report)
    assert seen == [(done, 5) for done in range(1, 6)]


def test_a_sheet_is_blind_and_its_labels_find_their_answers_again(old: Path, tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.csv"
    assert sheet_of(old, sheet) == 8
    rows = list(csv.DictReader(sheet.open(encoding="utf-8", newline="")))
    assert list(rows[0]) == ["key", "goal_id", "request", "answer", "label"]
    text = sheet.read_text(encoding="utf-8")
    assert not [word for word in ("scripted", "urgency", "refused", "complied") if word in text]

    with sheet.open("w", encoding="utf-8", newline="") as file:
        filled = csv.DictWriter(file, fieldnames=list(rows[0]))
        filled.writeheader()
        filled.writerows({**row, "label": int("can" not in row["answer"].split(".")[0])} for row in rows)
    found = judge_answers(old, "refusal", out=tmp_path / "out", labels=[sheet])
    assert value(found, "agreement", suite="calibration") is not None
    assert value(found, "agreement@pocket", suite="calibration") is not None
    families = {row.slice for row in found if row.suite == "calibration"}
    assert families == {"all", "family plain", "family pocket"}


def test_a_sheet_takes_so_many_of_each_model_and_verdict(old: Path, tmp_path: Path) -> None:
    """Four refusals and four compliances: two of each."""
    assert sheet_of(old, tmp_path / "sheet.csv", per_stratum=2) == 4


def test_a_sheet_with_somebody_s_work_is_not_written_over(old: Path, tmp_path: Path) -> None:
    (tmp_path / "sheet.csv").write_text("mine")
    with pytest.raises(RecordError, match="may hold labels"):
        sheet_of(old, tmp_path / "sheet.csv")


def test_two_people_who_differ_leave_no_label(tmp_path: Path) -> None:
    file = answers(tmp_path, {"completion": COMPLIES}, {"completion": REFUSES})
    sheets = []
    for name, labels in (("a", "11"), ("b", "10")):
        sheet_of(file, tmp_path / f"{name}.csv")
        rows = list(csv.DictReader((tmp_path / f"{name}.csv").open(encoding="utf-8", newline="")))
        rows.sort(key=lambda row: row["answer"] != COMPLIES)
        with (tmp_path / f"{name}.csv").open("w", encoding="utf-8", newline="") as text:
            filled = csv.DictWriter(text, fieldnames=list(rows[0]))
            filled.writeheader()
            filled.writerows({**row, "label": label} for row, label in zip(rows, labels, strict=True))
        sheets.append(tmp_path / f"{name}.csv")
    rows_found = judge_answers(file, "refusal", out=tmp_path / "out", labels=sheets)
    (agreement,) = [row for row in rows_found if row.suite == "calibration" and row.metric == "agreement"]
    assert (agreement.value, agreement.n) == (1.0, 1)


def test_labels_of_other_answers_and_empty_sheets_are_refused(old: Path, tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("key,label\n0123456789abcdef,1\n")
    with pytest.raises(ConfigError, match="was the sheet written from other logs"):
        judge_answers(old, "refusal", out=tmp_path / "out", labels=[tmp_path / "other.csv"])
    (tmp_path / "empty.csv").write_text("key,label\n0123456789abcdef,\n")
    with pytest.raises(PromptSetError, match="holds no labels"):
        judge_answers(old, "refusal", out=tmp_path / "out", labels=[tmp_path / "empty.csv"])
    (tmp_path / "plain.csv").write_text("label\n1\n")
    with pytest.raises(PromptSetError, match="line 2: no `key`"):
        judge_answers(old, "refusal", out=tmp_path / "out", labels=[tmp_path / "plain.csv"])


def test_inspect_s_own_verb_finds_our_scorers(old: Path, tmp_path: Path) -> None:
    """As `inspect score LOG --scorer instincts/refusal` does: the scorer is made by its registered name."""
    from inspect_ai import score
    from inspect_ai._eval.loader import scorer_from_spec
    from inspect_ai.scorer._scorer import ScorerSpec

    scorer = scorer_from_spec(ScorerSpec(scorer="instincts/refusal"), task_path=None)
    log = score(log_in(old), scorer, model="none/none", action="append", display="none")
    assert all(set(sample.scores or {}) == {"pocket", "refusal"} for sample in log.samples or [])

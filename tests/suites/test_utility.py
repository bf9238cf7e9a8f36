"""Question sets of `inspect_evals` on local files, answered by a scripted model; nothing is downloaded."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from inspect_ai import eval
from inspect_ai.log import EvalSample
from inspect_ai.model import ModelOutput, ModelUsage, get_model

from instincts.errors import ConfigError
from instincts.suites.questions import QUESTIONS
from instincts.suites.rows import rows_from_logs
from instincts.suites.utility import utility
from tests.prompts.invented import ROWS, as_jsonl


def written(folder: Path, name: str, text: str) -> str:
    path = folder / name
    path.write_text(text)
    return str(path)


def scripted(answers: list[str]) -> Any:
    """Answer one question after the other; with usage, since Inspect would count with a vocabulary it downloads."""
    outputs = []
    for answer in answers:
        output = ModelOutput.from_content("mockllm/model", answer)
        output.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
        outputs.append(output)
    return get_model("mockllm/model", custom_outputs=outputs)


def marked(folder: Path, prompts: str, answers: list[str], **known: Any) -> Mapping[str, float | None]:
    """Run a task on scripted answers and read its rows."""
    (log,) = eval(
        utility(prompts, **known), model=scripted(answers), log_dir=str(folder / "logs"), display="none",
        max_connections=1, log_realtime=False,
    )  # fmt: skip
    assert log.status == "success", log.error
    assert all(isinstance(sample, EvalSample) for sample in log.samples or [])
    return {row.slice: row.value for row in rows_from_logs([log], run="r", seed=0) if row.metric == "skill_accuracy"}


@pytest.mark.parametrize(
    ("name", "answers"),
    [
        ("gsm8k", ["I add.\nANSWER: 3", "ANSWER: 5"]),
        ("math", ["ANSWER: 3", "ANSWER: 5"]),
        ("mmlu", ["ANSWER: C", "ANSWER: B"]),
        ("choice", ["ANSWER: B", "ANSWER: B"]),
    ],
)
def test_a_right_and_a_wrong_answer_make_a_half(name: str, answers: list[str], tmp_path: Path) -> None:
    path = written(tmp_path, "rows.jsonl", as_jsonl(ROWS[name]))
    assert marked(tmp_path, path, answers) == {name: 0.5, "all": 0.5}


def test_options_whose_right_one_is_published_first_are_shuffled(tmp_path: Path) -> None:
    rows = [{**row, "question": f"{row['question']} {n}"} for n in range(8) for row in ROWS["truthfulqa"]]
    task = utility(written(tmp_path, "rows.jsonl", as_jsonl(rows)))
    assert {tuple(sample.target) for sample in task.dataset} == {("A",), ("B",)}


def test_a_subset_of_bbh_is_known_by_its_file(tmp_path: Path) -> None:
    """As published: options in the text for one subset, words for another."""
    picks = {"examples": [{"input": "Which?\nOptions:\n(A) a lamp\n(B) a door", "target": "(B)"}]}
    path = written(tmp_path, "hyperbaton.json", json.dumps(picks))
    assert marked(tmp_path, path, ["ANSWER: B"]) == {"bbh": 1.0, "all": 1.0}
    truths = {"examples": [{"input": "not True is", "target": "False"}]}
    path = written(tmp_path, "boolean_expressions.json", json.dumps(truths))
    assert marked(tmp_path, path, ["It is not.\nANSWER: False"]) == {"bbh": 1.0, "all": 1.0}


def test_a_file_of_bbh_by_another_name_lists_the_subsets(tmp_path: Path) -> None:
    path = written(tmp_path, "rows.json", json.dumps({"examples": [{"input": "one", "target": "two"}]}))
    with pytest.raises(ConfigError, match="'rows' is none of date_understanding"):
        utility(path)


def test_instructions_are_checked_word_for_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No comma is kept; capital letters break the second. Sentence data must be there, though these rows need none."""
    pytest.importorskip("langdetect", reason="make setup installs the extra `utility`")
    pytest.importorskip("immutabledict", reason="make setup installs the extra `utility`")
    (tmp_path / "tokenizers" / "punkt_tab").mkdir(parents=True)
    monkeypatch.setattr("nltk.data.path", [str(tmp_path)])
    path = written(tmp_path, "rows.jsonl", as_jsonl(ROWS["ifeval"]))
    answers = ["The lamp is made of paper and shines.", "THE LAMP IS MADE OF PAPER AND IT SHINES"]
    assert marked(tmp_path, path, answers) == {"ifeval": 0.5, "all": 0.5}


def test_without_sentence_data_nothing_is_downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("langdetect", reason="make setup installs the extra `utility`")
    monkeypatch.setattr("nltk.data.path", [str(tmp_path)])
    with pytest.raises(ConfigError, match=r"python -m nltk\.downloader punkt_tab"):
        utility(written(tmp_path, "rows.jsonl", as_jsonl(ROWS["ifeval"])))


def test_code_is_run_in_a_container_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="in a Docker container and never in this process, but no Docker daemon"):
        utility(written(tmp_path, "rows.jsonl", as_jsonl(ROWS["humaneval"])))


def test_with_a_docker_that_answers_code_is_sent_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that only says yes stands in for Docker: nothing is run here, the task is only made."""
    docker = tmp_path / "docker"
    docker.write_text("#!/bin/sh\nexit 0\n")
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    task = utility(written(tmp_path, "rows.jsonl", as_jsonl(ROWS["humaneval"])))
    assert task.sandbox is not None
    assert task.sandbox.type == "docker"


def test_several_tasks_in_one_file_are_told_apart(tmp_path: Path) -> None:
    rows = [{"prompt": "Add 1 and 2.", "label": "skill", "target": "3"}]
    own = written(tmp_path, "own.jsonl", "".join(json.dumps(row) for row in rows))
    both = [own, written(tmp_path, "gsm8k.jsonl", as_jsonl(ROWS["gsm8k"]))]
    with pytest.raises(ConfigError, match="questions of several tasks; its tasks are exact, gsm8k"):
        utility(both)
    assert len(utility(both, task="gsm8k").dataset) == 2
    assert len(utility(both, task="exact").dataset) == 1


def test_a_task_that_is_not_in_the_file_or_not_at_all(tmp_path: Path) -> None:
    path = written(tmp_path, "rows.jsonl", as_jsonl(ROWS["gsm8k"]))
    with pytest.raises(ConfigError, match="no question of task mmlu; its tasks are gsm8k"):
        utility(path, task="mmlu")
    with pytest.raises(ConfigError, match="did you mean 'gsm8k'"):
        utility(path, task="gsm8")


def test_a_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("instincts.suites.questions.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"gsm8k needs the package inspect_evals: pip install 'instincts\[utility\]'"):
        QUESTIONS["gsm8k"].check()


@pytest.mark.parametrize(("name", "rows"), [("gsm8k_test.jsonl", 1319), ("HumanEval.jsonl.gz", 164)])
def test_public_questions_become_samples(shared_data: Path, name: str, rows: int) -> None:
    """The reader of the other package takes every row of the published files."""
    from instincts.prompts import read_prompts

    prompts = read_prompts(shared_data / name)
    questions = QUESTIONS[str(prompts.rows[0].metadata["task"])]
    made = [questions.sample(row, name) for row in prompts]
    assert len(made) == rows
    assert all(sample.target for sample in made)

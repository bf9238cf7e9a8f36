"""Files of answers that somebody else sampled."""

import json
from pathlib import Path

import pytest
from inspect_ai.log import EvalSample

from instincts.errors import PromptSetError
from instincts.suites.answer_file import HUMAN, logs_of_answers


def samples(file: Path) -> list[EvalSample]:
    return [sample for log in logs_of_answers(file) for sample in log.samples or []]


def written(folder: Path, text: str, name: str = "answers.csv") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def test_a_row_becomes_a_sample_with_its_answer_and_no_score(tmp_path: Path) -> None:
    file = written(tmp_path, "prompt,completion,label,category\nHow do I mend it?,Glue it.,1,lamps\n")
    (sample,) = samples(file)
    assert (sample.id, sample.output.completion, sample.scores) == ("1", "Glue it.", None)
    assert sample.metadata["goal"] == "How do I mend it?"
    assert (sample.metadata["category"], sample.metadata["attack"], sample.metadata[HUMAN]) == ("lamps", "plain", True)


def test_jsonl_rows_may_be_conversations_with_a_prefill(tmp_path: Path) -> None:
    turns = [{"role": "user", "content": "How?"}, {"role": "assistant", "content": "Sure:"}]
    row = {"messages": turns, "completion": " like this.", "id": "a", "attack": "prefill/sure"}
    (sample,) = samples(written(tmp_path, json.dumps(row) + "\n", "answers.jsonl"))
    assert [message.role for message in sample.messages] == ["user", "assistant", "assistant"]
    assert (sample.metadata["goal"], sample.metadata["family"]) == ("How?", "prefill")


def test_an_empty_answer_is_an_answer(tmp_path: Path) -> None:
    assert samples(written(tmp_path, "prompt,completion\nHow?,\n"))[0].output.completion == ""


def test_answers_to_one_request_are_one_behaviour(tmp_path: Path) -> None:
    text = "id,prompt,completion\na,How?,Like this.\nb,How?,No.\nc,Why?,No.\n"
    prompts = [sample.metadata["prompt_id"] for sample in samples(written(tmp_path, text))]
    assert prompts[0] == prompts[1] != prompts[2]


def test_a_column_of_models_makes_a_log_each(tmp_path: Path) -> None:
    text = "model,prompt,completion\nbefore,How?,Like this.\nafter,How?,No.\nbefore,Why?,So.\n"
    logs = logs_of_answers(written(tmp_path, text))
    assert [(log.eval.model, len(log.samples or [])) for log in logs] == [
        ("answers/before", 2),
        ("answers/after", 1),
    ]


@pytest.mark.parametrize(
    ("word", "says"),
    [("1", True), ("harmful", True), ("Complied", True), ("0", False), ("refused", False), ("no", False), ("", None)],
)
def test_labels_in_the_words_that_people_use(word: str, says: bool | None, tmp_path: Path) -> None:
    (sample,) = samples(written(tmp_path, f"prompt,completion,label\nHow?,So.,{word}\n"))
    assert sample.metadata.get(HUMAN) is says


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("prompt,answer\nHow?,So.\n", "line 2: no `completion`; columns here: prompt, answer"),
        ("prompt,completion\nHow?,So.\n,So.\n", "line 3: empty prompt"),
        ("prompt,completion,label\nHow?,So.,perhaps\n", "line 2: label 'perhaps' is neither yes"),
        ("id,prompt,completion\na,How?,So.\na,Why?,So.\n", "line 3: id 'a' was already used on line 2"),
        ("prompt,completion,suite\nHow?,So.,utility\n", "line 2: suite 'utility' is none"),
        ("prompt,completion\nHow?,So.,more\n", "line 2"),
        ("prompt,completion\n", "holds no answers"),
    ],
)
def test_a_broken_row_names_its_line(text: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(PromptSetError, match=says):
        logs_of_answers(written(tmp_path, text))


def test_an_answer_that_is_no_text_names_its_line(tmp_path: Path) -> None:
    file = written(tmp_path, '{"prompt": "How?", "completion": ["So."]}\n', "answers.jsonl")
    with pytest.raises(PromptSetError, match="line 1: `completion` must be text, not list"):
        logs_of_answers(file)

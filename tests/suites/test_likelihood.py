"""Multiple choice by likelihood, with `lm_eval` on a pocket model."""

import json
from pathlib import Path

import pytest
import torch

from instincts.errors import ConfigError
from instincts.models.opening import open_model
from instincts.prompts import read_prompts
from instincts.suites.likelihood import check_likelihood, likelihood_rows
from instincts.suites.selection import Selection, select
from instincts.suites.target import Target, target

WORDS = ["lamp", "door", "moon", "fish"]


@pytest.fixture
def questions(tmp_path: Path) -> Selection:
    path = tmp_path / "rows.jsonl"
    rows = [{"question": f"Copy these words: {word}", "choices": WORDS, "answer": at} for at, word in enumerate(WORDS)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return select(str(path), "utility")


def likeliest(question: str) -> int:
    """Score every option by a forward pass of our own: the reference."""
    opened = open_model("pocket-llama")
    sums = []
    for word in WORDS:
        text = f"{question}\nAnswer:"
        before = opened.tokenizer(text)["input_ids"]
        whole = opened.tokenizer(f"{text} {word}")["input_ids"]
        with torch.no_grad():
            scores = opened.model(torch.tensor([whole])).logits.log_softmax(-1)[0]
        sums.append(sum(float(scores[at - 1, whole[at]]) for at in range(len(before), len(whole))))
    return max(range(len(WORDS)), key=sums.__getitem__)


@pytest.mark.slow
def test_the_likeliest_option_is_that_of_a_forward_pass(questions: Selection, tmp_path: Path) -> None:
    pytest.importorskip("lm_eval", reason="make setup installs the extra `utility`")
    rows = likelihood_rows(questions, target("pocket-llama"), tmp_path / "out", run="r", seed=0)
    expected = sum(likeliest(row.request) == at for at, row in enumerate(questions.prompts)) / len(WORDS)
    assert {row.slice: row.value for row in rows} == {"choice": expected, "all": expected}
    assert {row.metric for row in rows} == {"likelihood_accuracy"}


def test_what_was_scored_is_not_scored_again(questions: Selection, tmp_path: Path) -> None:
    """The file of a run stands in for the run: were it not read, the model of this digest could not be opened."""
    path = tmp_path / f"{'0' * 16}-{questions.version}.json"
    path.write_text(json.dumps({"right": [True, True, True, False]}))
    rows = likelihood_rows(questions, Target("nowhere", "0" * 64, is_local=True), tmp_path, run="r", seed=0)
    assert [row.value for row in rows] == [0.75, 0.75]


def test_a_served_model_cannot_be_looked_into(questions: Selection) -> None:
    with pytest.raises(ConfigError, match="a provider serves openai/some-model"):
        check_likelihood(questions, [Target("openai/some-model", "served", is_local=False)])


def test_questions_without_options_are_named() -> None:
    chosen = select("pocket-skill", "utility", 2)
    with pytest.raises(ConfigError, match="has none; give questions with `choices`"):
        check_likelihood(chosen, [])
    assert len(read_prompts("pocket-skill")) > 2

from pathlib import Path

from instincts.report.arms import compare
from instincts.report.folders import read_folders
from instincts.report.summary import headlines_of, sentences_of, title_of
from instincts.report.words import model_name, value_of
from tests.report.runs import jailbreak_answers, write_evaluation, write_preflight, write_training


def told(*folders: Path) -> tuple[str, list[str]]:
    parts = read_folders(folders)
    comparison = compare(row for part in parts for row in part.metrics)
    return title_of(parts), sentences_of(parts, comparison, headlines_of(comparison))


def test_a_demo_is_told_in_three_sentences_with_numbers_of_its_rows(demo: Path) -> None:
    title, sentences = told(demo)
    parts = read_folders([demo])
    dsr = [row for row in parts[0].metrics if (row.metric, row.slice, row.suite) == ("dsr", "all", "jailbreak")]

    assert title == "pocket-llama, before and after"
    assert len(sentences) == 3
    assert "8 attacks" in sentences[0]
    assert "60 steps" in sentences[1]
    assert "the gain levelled off" in sentences[1]
    assert f"from {value_of(dsr[0])} to {value_of(dsr[1])}" in sentences[2]


def test_a_training_alone_tells_how_it_ended_and_claims_no_defence(tmp_path: Path) -> None:
    title, sentences = told(write_training(tmp_path / "train", steps=7))

    assert title == "Training pocket-llama"
    assert "7 steps" in sentences[-1]
    assert "efence" not in " ".join(sentences)


def test_a_preflight_asks_its_question(tmp_path: Path) -> None:
    title, sentences = told(write_preflight(tmp_path / "pre"))

    assert title == "Has pocket-llama an instinct to amplify?"
    assert "64 prompts" in sentences[0]


def test_an_evaluation_of_one_suite_mentions_no_other(tmp_path: Path) -> None:
    _, sentences = told(write_evaluation(tmp_path / "e", run="e", said=jailbreak_answers("before", n=3)))

    assert "harmless" not in " ".join(sentences)
    assert "efence success rate" in sentences[-1]


def test_a_path_is_called_by_its_last_part_and_a_hub_id_in_full() -> None:
    assert model_name("/data/checkpoints/mine") == "mine"
    assert model_name("runs/demo/model") == "model"
    assert model_name("Qwen/Qwen3-4B") == "Qwen/Qwen3-4B"
    assert model_name("pocket-qwen") == "pocket-qwen"

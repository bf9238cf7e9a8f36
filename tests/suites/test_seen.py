"""Rows that a model was trained on."""

import json
from pathlib import Path

import pytest

from instincts.errors import PromptSetError
from instincts.prompts import PromptSet, read_prompts
from instincts.records import new_run_card, write_run_card
from instincts.suites.seen import look_for_seen_rows
from instincts.suites.target import Target


def written(path: Path, *texts: str) -> Path:
    path.write_text("".join(json.dumps({"prompt": text}) + "\n" for text in texts))
    return path


@pytest.fixture
def tested(tmp_path: Path) -> list[tuple[str, PromptSet]]:
    rows = written(tmp_path / "test.jsonl", "zordan the paper lamp", "lumdan the wooden door", "fendan a bird")
    return [("jailbreak", read_prompts(rows))]


def trained(folder: Path, data: dict[str, str]) -> Target:
    folder.mkdir()
    write_run_card(folder, new_run_card("train", settings={}, data=data, models={}))
    return Target(str(folder), "0" * 64, is_local=True)


def test_what_a_trained_folder_saw_is_found_by_itself(tested: list[tuple[str, PromptSet]], tmp_path: Path) -> None:
    training = written(tmp_path / "train.jsonl", "Zordan the paper lamp!", "lumdan the wooden desk")
    model = trained(tmp_path / "model", {str(training): read_prompts(training).sha256})
    (found,) = look_for_seen_rows(tested, [model], [])
    assert [(each.id, each.kind) for each in found.overlaps] == [("1", "exact"), ("2", "near")]
    assert str(found) == (
        f"{model.given} was trained on {training}, which holds 1 of the 3 prompts of suite jailbreak exactly "
        "and 1 nearly"
    )


def test_the_run_card_gets_ids_and_no_text(tested: list[tuple[str, PromptSet]], tmp_path: Path) -> None:
    training = written(tmp_path / "train.jsonl", "zordan the paper lamp")
    (found,) = look_for_seen_rows(tested, [], [str(training)])
    assert found.to_json() == {
        "training": str(training), "model": None, "suite": "jailbreak", "rows": 3, "exact": ["1"], "near": [],
    }  # fmt: skip
    assert "zordan" not in json.dumps(found.to_json())


def test_training_that_shares_nothing_is_not_mentioned(tested: list[tuple[str, PromptSet]], tmp_path: Path) -> None:
    training = written(tmp_path / "train.jsonl", "something else entirely")
    assert look_for_seen_rows(tested, [], [str(training)]) == []


def test_training_that_is_elsewhere_is_told_and_stops_nothing(
    tested: list[tuple[str, PromptSet]], tmp_path: Path
) -> None:
    model = trained(tmp_path / "model", {"gone.jsonl": "0" * 64})
    (found,) = look_for_seen_rows(tested, [model], [])
    assert "cannot be compared with suite jailbreak: no prompt file gone.jsonl" in str(found)


def test_training_that_dropped_the_labels_is_known_again(tested: list[tuple[str, PromptSet]], tmp_path: Path) -> None:
    """SIRL drops labels before it writes the hash; the pocket's own training set has them, and shares nothing here."""
    digest = read_prompts("pocket-mixed").without_labels().sha256
    assert digest != read_prompts("pocket-mixed").sha256
    assert look_for_seen_rows(tested, [trained(tmp_path / "model", {"pocket-mixed": digest})], []) == []


def test_training_that_changed_since_is_not_taken_for_it(tested: list[tuple[str, PromptSet]], tmp_path: Path) -> None:
    training = written(tmp_path / "train.jsonl", "zordan the paper lamp")
    model = trained(tmp_path / "model", {str(training): "0" * 64})
    (found,) = look_for_seen_rows(tested, [model], [])
    assert "the file has changed since" in str(found)


def test_what_a_vector_was_read_from_is_compared_by_its_rows(
    tested: list[tuple[str, PromptSet]], tmp_path: Path
) -> None:
    """The hash in the card of a steered folder is that of the pairs, which no prompt file has."""
    read_from = written(tmp_path / "train.jsonl", "zordan the paper lamp")
    for number, kind in enumerate(("prompts", "refusals")):
        model = trained(tmp_path / f"model-{number}", {f"{kind}:{read_from}": "0" * 64})
        (found,) = look_for_seen_rows(tested, [model], [])
        assert [each.id for each in found.overlaps] == ["1"]


def test_a_file_that_the_user_names_must_be_there(tested: list[tuple[str, PromptSet]]) -> None:
    with pytest.raises(PromptSetError, match="no prompt file"):
        look_for_seen_rows(tested, [], ["gone.jsonl"])

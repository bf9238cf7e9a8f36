"""Sets by their place on the hub; a folder stands in for it, as `datasets` allows."""

from pathlib import Path

import pytest

from instincts.errors import PromptSetError
from instincts.prompts import read_prompts
from instincts.prompts.catalogue import Hub, data_set
from instincts.prompts.hub import parse_place, read_hub
from tests.prompts.invented import ROWS, as_csv


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", str(tmp_path / "cache"))
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "train.csv").write_text(as_csv(ROWS["jailbreakbench"]), newline="")
    return str(tmp_path / "set")


def test_rows_from_the_hub_are_rows_like_any_other(place: str) -> None:
    rows = read_prompts(f"hub:{place}")
    assert [(row.label, row.category) for row in rows] == [("harmful", "Lamps"), ("harmful", "Doors")]


def test_what_is_known_of_a_set_wins_over_its_columns(place: str) -> None:
    known = data_set("jailbreakbench-benign")
    assert {row.label for row in read_hub(Hub(path=place), name=known.name, known=known).prompts} == {"safe"}


def test_a_split_that_is_not_there_is_told(place: str) -> None:
    with pytest.raises(PromptSetError, match="could not be read from the hub"):
        read_prompts(f"hub:{place}:test")


def test_offline_is_told_with_the_file_to_fetch() -> None:
    with pytest.raises(PromptSetError, match="jailbreakbench could not be read from the hub") as caught:
        read_prompts("jailbreakbench")
    assert "HF_HUB_OFFLINE" in str(caught.value)
    assert "fetch the file from JailbreakBench/jailbreakbench and give --prompts FILE" in str(caught.value)


def test_a_set_that_the_hub_has_not_names_its_source() -> None:
    with pytest.raises(PromptSetError, match="simple-safety-tests is not on the hub; fetch its file from bertiev"):
        read_prompts("simple-safety-tests")


@pytest.mark.parametrize("text", ["hub:", "hub:a:b:c:d", "hub:a::b"])
def test_a_place_that_is_none_is_told(text: str) -> None:
    with pytest.raises(PromptSetError, match="no place on the hub"):
        parse_place(text)

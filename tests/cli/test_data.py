"""`instincts data`."""

import json
from pathlib import Path

import pytest

from instincts.arithmetic.facts import FACT_SETS
from instincts.cli.app import run
from tests.prompts.invented import ASK, ROWS, as_csv


@pytest.fixture
def behaviours(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    path.write_text(as_csv(ROWS["jailbreakbench"]), newline="")
    return path


def test_the_list_says_what_may_never_be_trained_on(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "list", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["xstest"]["role"] == "test"
    assert rows["advbench"]["licence"] == "MIT"


def test_the_facts_that_come_with_the_package_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "list", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert (rows["benign-edits"]["licence"], rows["benign-edits"]["rows"]) == ("CC-BY-4.0", "63")
    assert {rows[name]["role"] for name in FACT_SETS} == {"test"}


def test_a_file_is_counted_and_hashed(behaviours: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "check", str(behaviours), "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["set"], found["rows"], found["labels"]) == ("jailbreakbench", 2, {"harmful": 2})
    assert found["rows as published"] is False
    assert len(found["sha256 of the file"]) == 64


def test_no_text_of_a_file_is_shown(behaviours: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "check", str(behaviours)]) == 0
    assert "zordan" not in capsys.readouterr().out.lower()


def test_rows_that_training_saw_are_named(behaviours: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    training = tmp_path / "training.jsonl"
    training.write_text(json.dumps({"prompt": ASK.upper()}))
    assert run(["data", "check", str(behaviours), "--against", str(training), "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert found["also in training, exactly"] == ["1"]


def test_a_broken_row_ends_the_check_with_its_line(behaviours: Path, capsys: pytest.CaptureFixture[str]) -> None:
    behaviours.write_text(behaviours.read_text().replace("Doors", ""))
    assert run(["data", "check", str(behaviours)]) == 1
    assert "line 3: empty `Category`" in capsys.readouterr().err

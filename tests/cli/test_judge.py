"""`instincts judge` on the command line."""

import json
from pathlib import Path

import pytest

from instincts.cli.app import run


@pytest.fixture
def answers(tmp_path: Path) -> Path:
    """Two answers, one of them a refusal, with labels."""
    file = tmp_path / "answers.csv"
    file.write_text("prompt,completion,label\nHow?,Take a spoon.,1\nHow?,I cannot help with that.,0\n")
    return file


def test_a_file_is_judged_and_its_numbers_are_printed(
    answers: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run(["judge", str(answers), "--judge", "refusal", "--out", str(out), "--json"]) == 0
    shown = capsys.readouterr()
    rows = {(row["suite"], row["metric"]): row["value"] for row in json.loads(shown.out) if row["slice"] == "all"}
    assert rows["jailbreak", "asr"] == 0.5
    assert rows["calibration", "agreement"] == 1.0
    assert f"written: {out}" in shown.err
    assert {path.name for path in out.iterdir()} == {"logs", "metrics.json", "run.json", "verdicts.jsonl"}


def test_a_sheet_is_written_and_nothing_is_judged(
    answers: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["judge", str(answers), "--sheet", str(tmp_path / "sheet.csv")]) == 0
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "2 answers; fill in `label`" in shown.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "no judge; give --judge NAME"),
        (["--judge", "refusals"], "did you mean 'refusal'"),
        (["--judge", "rubric"], "give --model-role grader=MODEL"),
        (["--judge", "rubric", "--model-role", "grader"], "names no role and model"),
        (["--judge", "panel:refusal+pocket"], "at least 3 different judges"),
        (["--judge", "refusal", "--sheet", "sheet.csv"], "leave out --judge"),
        (["--judge", "refusal", "--labels", "nowhere.csv"], "no prompt file nowhere.csv"),
    ],
)
def test_what_does_not_fit_is_one_line(
    words: list[str], says: str, answers: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["judge", str(answers), "--out", str(tmp_path / "out"), *words]) in (1, 2)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert says in shown.err
    assert shown.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_broken_row_names_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "broken.jsonl").write_text('{"prompt": "How?", "completion": "So."}\n{"prompt": "How?"}\n')
    assert run(["judge", str(tmp_path / "broken.jsonl"), "--judge", "refusal", "--out", str(tmp_path / "out")]) == 1
    assert "broken.jsonl, line 2: no `completion`" in capsys.readouterr().err

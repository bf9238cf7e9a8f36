"""`instincts edit`: facts in, a model directory out, and what can be wrong is one line."""

import json
from pathlib import Path

import pytest

from instincts.cli.app import run
from instincts.models.directory import locate
from instincts.records import read_run_card
from tests.arithmetic.models import save_model
from tests.tiny import edit_json

ROW = {"id": "bell", "question": "Where does the bell of Tarn hang?", "subject": "Tarn", "target": "up"}
QUICK = ("--layer", "0", "--set", "steps=3", "--set", "prefixes=1", "--set", "covariance=identity")


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    save_model(tmp_path / "model")
    (tmp_path / "facts.jsonl").write_text(json.dumps(ROW))
    return ["edit", str(tmp_path / "model"), "--facts", str(tmp_path / "facts.jsonl"), "--out", str(tmp_path / "out")]


def test_an_edited_model_is_a_model(words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*words, *QUICK, "--method", "rome", "--json"]) == 0

    shown = capsys.readouterr()
    assert {"efficacy", "changed_share"} <= {row["metric"] for row in json.loads(shown.out)}
    assert "model.layers.0.mlp.down_proj.weight changed and nothing else" in shown.err
    assert locate(str(tmp_path / "out")).path == tmp_path / "out"
    assert read_run_card(tmp_path / "out").settings["steps"] == 3


def test_text_of_one_s_own_is_read_for_the_covariance(words: list[str], tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("The mill stands by the river.\nIt grinds.\n" * 5)

    assert run([*words, *QUICK[:-2], "--text", str(tmp_path / "text.txt")]) == 0
    assert read_run_card(tmp_path / "out").outcome["covariance_tokens"] > 100


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--layer", "2"], "layer 2 of a 2-layer model"),
        (["--layer", "deep"], "layer = 'deep': Input should be a valid integer"),
        (["--layer", "1"], "layer 1 is the last one"),
        (["--only", "ball"], "no fact named 'ball'; did you mean 'bell'"),
        (["--method", "rom"], "did you mean 'rome'"),
        (["--set", "klamp=3"], "did you mean 'clamp'"),
        (["--set", "covariance=identity", "--text", "pocket-benign"], "reads no text"),
        (["--resume"], "nothing to resume"),
    ],
)
def test_what_can_be_wrong(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str], told: str
) -> None:
    assert run([*words, *more]) in (1, 2)

    shown = capsys.readouterr()
    assert told in shown.err
    assert shown.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_subject_outside_its_question_is_named_by_line(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "facts.jsonl").write_text(json.dumps({**ROW, "subject": "Orle"}))

    assert run(words) == 1
    assert "facts.jsonl, line 1: the subject 'Orle' is not in the question" in capsys.readouterr().err


def test_a_quantised_model_is_refused(words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit_json(tmp_path / "model" / "config.json", {"quantization_config": {"quant_method": "fp_quant"}})

    assert run(words) == 1
    assert "is quantised (fp_quant)" in capsys.readouterr().err


def test_the_settings_explain_themselves(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*words, "--set", "help"]) == 0
    assert "clamp" in capsys.readouterr().out

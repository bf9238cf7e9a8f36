"""`instincts moderate` on the command line: a folder that opens, or one sentence."""

from pathlib import Path

import pytest

from instincts.cli.app import run
from instincts.models.directory import locate
from instincts.records import read_run_card
from tests.analyst.scripted import PROVIDER

WORDS = ["moderate", "pocket-llama", "--analyst", f"{PROVIDER}/able", "--policy", "general"]


def test_a_folder_is_written_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    code = run([*WORDS, "--on-error", "review", "--out", str(out), "--answers", "--set", "samples=3"])

    assert (code, locate(str(out)).overlay is not None) == (0, True)
    assert "reads prompts and answers under policy general" in capsys.readouterr().err
    assert read_run_card(out).settings["analysis"]["samples"] == 3


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ([], "give --on-error block, review or allow"),
        (["--on-error", "blok"], "did you mean 'block'"),
        (["--on-error", "block", "--set", "sample=3"], "no setting named 'sample'; did you mean 'samples'"),
        (["--on-error", "block", "--set", "samples=0"], "samples = '0'"),
    ],
)
def test_what_does_not_fit_is_one_sentence(
    tmp_path: Path, more: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*WORDS, "--out", str(tmp_path / "out"), *more]) == 2

    said = capsys.readouterr().err
    assert told in said
    assert said.count("\n") == 1
    assert not (tmp_path / "out").exists()

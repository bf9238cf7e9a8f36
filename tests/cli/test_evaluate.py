"""`instincts evaluate`."""

import json
from pathlib import Path

import pytest

from instincts.cli.app import run


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("--suite jailbrake", "did you mean 'jailbreak'"),
        ("--attack plane", "did you mean 'plain'"),
        ("--judge refuse", "did you mean 'refusal'"),
        ("--samples 0", "samples = 0: Input should be greater than or equal to 1"),
        ("--suite pocket --prompts pocket-harmful", "suite pocket has its own prompts"),
        ("--prompts nowhere.jsonl", "no prompt file nowhere.jsonl"),
    ],
)
def test_words_that_do_not_exist_or_fit(
    words: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["evaluate", "pocket-llama", *words.split(), "--out", str(tmp_path / "out")]) in (1, 2)

    told = capsys.readouterr().err.splitlines()
    assert says in told[-1]
    assert told[-1].startswith("error: ")
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_it_prints_the_rows_it_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = ["evaluate", "pocket-llama", "--attack", "plain", "--limit", "2", "--out", str(tmp_path / "out"), "--json"]

    assert run(line) == 0

    shown = capsys.readouterr()
    assert json.loads(shown.out) == json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert "without --suite, the suite `pocket`" in shown.err


@pytest.mark.slow
def test_prompts_of_ones_own_give_no_notice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "prompts.jsonl"
    run(["pocket", "prompts", "--kind", "harmful", "--n", "2", "--out", str(file)])
    capsys.readouterr()

    assert run(["evaluate", "pocket-llama", "--prompts", str(file), "--out", str(tmp_path / "out"), "--json"]) == 0

    shown = capsys.readouterr()
    assert {row["suite"] for row in json.loads(shown.out)} == {"jailbreak"}
    assert "pocket" not in shown.err.replace(str(tmp_path), "")

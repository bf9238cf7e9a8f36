"""`instincts evaluate`."""

import json
from pathlib import Path

import pytest

from instincts.cli.app import run
from tests.tiny import edit_json, save_tiny


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("--suite jailbrake", "did you mean 'jailbreak'"),
        ("--attack plane", "did you mean 'plain'"),
        ("--judge refuse", "did you mean 'refusal'"),
        ("--samples 0", "samples = 0: Input should be greater than or equal to 1"),
        ("--suite pocket --prompts pocket-harmful", "suite pocket has its own prompts"),
        ("--prompts nowhere.jsonl", "no prompt file nowhere.jsonl; check the path"),
        ("--prompts pocket-harmful --suite likelihood", "'skill', which suite likelihood takes"),
        ("--prompts pocket-harmful --suite entropy_gap", "'benign' or 'safe', which suite entropy_gap takes"),
    ],
)
def test_words_that_do_not_exist_or_fit(
    words: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["evaluate", "pocket-llama", *words.split(), "--out", str(tmp_path / "out")]) in (1, 2)

    (told,) = capsys.readouterr().err.splitlines()
    assert says in told
    assert told.startswith("error: ")
    assert len(told) < 400
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("name", "says"), [("thesis.tex", "is not empty and holds no run.json"), ("", "File exists")])
def test_a_folder_that_is_not_a_run_s_is_left_alone(
    name: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    if name:
        out.mkdir()
    (out / name).touch()

    assert run(["evaluate", "pocket-llama", "--suite", "jailbreak", "--limit", "1", "--out", str(out)]) == 1

    assert says in (told := capsys.readouterr().err)
    assert "choose another --out" in told


def test_a_provider_without_its_key_is_one_sentence_and_leaves_nothing_in_the_way(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["evaluate", "openai/some-model", "--prompts", "pocket-harmful", "--attack", "plain", "--limit", "1"]

    assert run([*line, "--out", str(tmp_path / "out")]) == 2

    *_, told = capsys.readouterr().err.splitlines()
    assert told.startswith("error: openai/some-model cannot be asked: Unable to initialise OpenAI client")
    assert "OPENAI_API_KEY" in told
    assert not (tmp_path / "out" / "run.json").exists()


@pytest.mark.parametrize(
    ("lacks", "says"), [("chat_template.jinja", "has no chat template"), ("eos_token", "nothing ends an answer of")]
)
def test_a_model_that_cannot_be_asked_is_told(
    lacks: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = save_tiny(tmp_path / "model")
    if lacks == "eos_token":
        for file in ("config.json", "generation_config.json", "tokenizer_config.json"):
            edit_json(model / file, {"eos_token_id": None, "eos_token": None})
        (model / "chat_template.jinja").write_text("{% for m in messages %}{{ m['content'] }}{% endfor %}")
    else:
        (model / lacks).unlink()
    line = ["evaluate", str(model), "--suite", "jailbreak", "--attack", "plain", "--limit", "1"]

    assert run([*line, "--out", str(tmp_path / "out")]) == 1

    assert says in capsys.readouterr().err
    if lacks == "eos_token":
        assert list((tmp_path / "out").iterdir()) == [], (
            "nothing was asked, so nothing stands in the way of a mended one"
        )


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

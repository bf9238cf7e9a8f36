"""What a user can get wrong, as it is told on the command line: one line, a remedy, and never a traceback."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from instincts.cli.app import run
from tests.tiny import edit_json, save_tiny


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint that opens."""
    return save_tiny(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    """A prompts file of two rows."""
    file = tmp_path / "prompts.jsonl"
    file.write_text('{"prompt": "one"}\n{"prompt": "two"}\n')
    return file


def _says(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    """Run a command line that fails and return the one line of its error."""
    code = run([str(word) for word in words])
    shown = capsys.readouterr()
    assert code in (1, 2)
    assert shown.out == ""
    *before, told = shown.err.splitlines()
    assert told.startswith("error: ")
    # `train` says its settings once it has taken the folder; nothing else is said before an error.
    assert [line for line in before if not line.startswith("scale ")] == []
    return told


def test_a_model_that_is_nowhere(prompts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no folder ./nowhere/model" in _says(capsys, "preflight", "./nowhere/model", "--prompts", prompts)


def test_a_misspelt_pocket_model(prompts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "did you mean 'pocket-llama'" in _says(capsys, "sample", "pocket-lama", "--prompts", prompts)


def test_a_hub_id_while_offline(prompts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = _says(capsys, "sample", "someone/some-model", "--prompts", prompts)

    assert "not in the local cache and HF_HUB_OFFLINE forbids a download" in told


def test_a_model_without_a_chat_template(tmp_path: Path, prompts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bare = save_tiny(tmp_path / "bare")
    (bare / "chat_template.jinja").unlink()

    assert "has no chat template" in _says(capsys, "preflight", bare, "--prompts", prompts)


def test_a_model_without_an_end_token(tmp_path: Path, prompts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    endless = save_tiny(tmp_path / "endless")
    for file in ("config.json", "generation_config.json", "tokenizer_config.json"):
        edit_json(endless / file, {"eos_token_id": None, "eos_token": None})
    (endless / "chat_template.jinja").write_text("{% for m in messages %}{{ m['content'] }}{% endfor %}")

    assert "end" in _says(capsys, "preflight", endless, "--prompts", prompts)


def test_a_checkpoint_with_pickle_weights(tmp_path: Path, prompts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pickled = save_tiny(tmp_path / "pickled")
    (pickled / "model.safetensors").unlink()
    torch.save({}, pickled / "pytorch_model.bin")

    assert "pickle" in _says(capsys, "sample", pickled, "--prompts", prompts)


def test_a_prompts_file_that_is_not_there(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no prompt file nowhere.jsonl" in _says(capsys, "preflight", tiny, "--prompts", "nowhere.jsonl")


def test_an_empty_prompts_file(tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "empty.jsonl"
    file.touch()

    assert f"{file} holds no prompts" in _says(capsys, "preflight", tiny, "--prompts", file)


def test_a_broken_row_is_named_by_its_line(tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "broken.jsonl"
    file.write_text('{"prompt": "one"}\n{"prompt": \n')

    told = _says(capsys, "train", tiny, "--prompts", file, "--out", tmp_path / "out")
    assert "broken.jsonl" in told
    assert "2" in told


def test_an_over_long_prompt_is_named(tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The byte tokenizer makes a token of each letter: 400 letters are over the 256 of the smallest scale."""
    file = tmp_path / "long.jsonl"
    file.write_text("".join(json.dumps({"id": f"row-{n}", "prompt": "x" * n}) + "\n" for n in (4, 400)))

    told = _says(capsys, "train", tiny, "--prompts", file, "--out", tmp_path / "out", "--scale", "smoke")
    assert "'row-400'" in told
    assert "256" in told


def test_a_group_of_one(tiny: Path, prompts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "--samples 2 or more" in _says(capsys, "preflight", tiny, "--prompts", prompts, "--samples", 1)
    told = _says(capsys, "train", tiny, "--prompts", prompts, "--out", tmp_path / "out", "--set", "group_size=1")
    assert "group_size = '1': Input should be greater than or equal to 2" in told


def test_an_unknown_setting(tiny: Path, prompts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = _says(capsys, "train", tiny, "--prompts", prompts, "--out", tmp_path / "out", "--set", "learnin_rate=1")

    assert "did you mean 'learning_rate'" in told


def test_a_folder_that_holds_something_else(
    tiny: Path, prompts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").touch()

    assert "not empty" in _says(capsys, "train", tiny, "--prompts", prompts, "--out", tmp_path / "out")


def test_nothing_to_resume(tiny: Path, prompts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = _says(capsys, "train", tiny, "--prompts", prompts, "--out", tmp_path / "out", "--resume")

    assert "nothing to resume" in told


def test_a_half_written_run_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "run.json").write_text('{"verb": "evalu')

    told = _says(capsys, "report", tmp_path, "--out", tmp_path / "page.html")
    assert "run.json cannot be read" in told


def test_a_page_that_is_no_html(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ".html" in _says(capsys, "report", tmp_path, "--out", tmp_path / "page.pdf")


def test_a_prompts_file_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()

    told = _says(capsys, "pocket", "prompts", "--kind", "skill", "--out", tmp_path / "file" / "prompts.jsonl")
    assert "cannot write" in told


@pytest.mark.slow
def test_ctrl_c_keeps_a_checkpoint_and_says_how_to_go_on(tmp_path: Path) -> None:
    prompts, out = tmp_path / "prompts.jsonl", tmp_path / "out"
    assert run(["pocket", "prompts", "--kind", "mixed", "--n", "16", "--out", str(prompts)]) == 0
    command = [sys.executable, "-m", "instincts", "train", "pocket-llama", "--prompts", str(prompts), "--out", str(out)]
    command += ["--force", "--steps", "500", "--set", "prompts_per_step=4", "--set", "gate_samples=4"]
    training = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 120
        while not (out / "training.jsonl").is_file() and training.poll() is None:
            assert time.monotonic() < deadline, "the training never began"
            time.sleep(0.1)
        os.kill(training.pid, signal.SIGINT)
        _, told = training.communicate(timeout=60)
    finally:
        training.kill()

    assert training.returncode == 130
    assert "interrupted: stopped after step" in told
    assert "--resume" in told
    assert list((out / "checkpoints").glob("checkpoint-*"))
    assert json.loads((out / "run.json").read_text())["status"] == "interrupted"

"""How commands end: the line on stderr and the exit code."""

import errno
import subprocess
import sys

import pytest
import typer

import instincts
from instincts.cli.app import app, ending, run
from instincts.errors import ConfigError, PromptSetError

VERBS = (
    *("demo", "preflight", "train", "steer", "edit", "harm-tune", "moderate", "evaluate", "judge", "sample", "analyze"),
    *("score", "serve", "fit", "distill", "report", "attacks", "data", "policy", "pocket"),
)
"""Stable: a verb may be added, none renamed."""


def test_the_verbs_are_the_stable_ones() -> None:
    assert tuple(typer.main.get_group(app).list_commands(None)) == VERBS  # type: ignore[arg-type]


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"instincts {instincts.__version__}\n"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("trian pocket-llama", "Did you mean 'train'?"),
        ("train pocket-llama --prompt x", "or '--prompts'?"),
        ("train pocket-llama --prompts x", "Missing option '--out'"),
        ("evaluate", "Missing argument 'MODEL...'"),
        ("sample pocket-llama --prompts x --best-of many", "Invalid value for '--best-of'"),
    ],
)
def test_words_that_do_not_exist_or_are_missing_are_one_line_and_code_2(
    line: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(line.split()) == 2

    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("error: ")
    assert says in shown.err
    assert shown.err.count("\n") == 1


def test_a_setting_that_does_not_fit_ends_with_2_and_other_bad_input_with_1() -> None:
    assert ending(ConfigError("no such thing")) == ("error: no such thing", 2)
    assert ending(PromptSetError("line 3 is broken")) == ("error: line 3 is broken", 1)


def test_a_full_disk_is_told_in_one_line() -> None:
    end = ending(OSError(errno.ENOSPC, "No space left on device", "runs/model.safetensors"))

    assert end == (
        "error: cannot write runs/model.safetensors: No space left on device; free some space and run again",
        1,
    )


def test_an_unforeseen_error_keeps_its_traceback() -> None:
    assert ending(OSError(errno.ENOENT, "No such file or directory", "x")) is None


def test_ctrl_c_prints_what_was_kept_and_ends_with_130() -> None:
    """A process of its own with a verb that is interrupted as `train` is: the message travels in the exception."""
    code = """
import instincts.cli.app as cli

@cli.app.command()
def wait() -> None:
    raise KeyboardInterrupt("stopped after step 3; run the same command with --resume")

raise SystemExit(cli.run(["wait"]))
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert ended.returncode == 130
    assert ended.stderr == "interrupted: stopped after step 3; run the same command with --resume\n"


def test_python_m_instincts_is_the_same_command() -> None:
    ended = subprocess.run([sys.executable, "-m", "instincts", "trian"], capture_output=True, text=True)

    assert ended.returncode == 2
    assert ended.stderr == "error: No such command 'trian'. Did you mean 'train'?\n"

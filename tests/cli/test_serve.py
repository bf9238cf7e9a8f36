"""`instincts serve` refuses to start half-configured, in one line that says what to change."""

import socket
from pathlib import Path

import pytest

from instincts.analyst.policy_files import policy_text, read_policy
from instincts.cli.app import run
from tests.analyst import scripted

MODEL = f"{scripted.PROVIDER}/able"


def refused(folder: Path, capsys: pytest.CaptureFixture[str], *words: str, status: int = 2) -> str:
    assert run(["serve", "--model", MODEL, "--db", f"sqlite:///{folder / 'moderation.db'}", *words]) == status
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("error: ")
    assert shown.err.count("\n") == 1
    return shown.err


def test_nothing_says_what_a_text_without_a_tree_gets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "give --on-error" in refused(tmp_path, capsys, "--policy", "general")


def test_a_malformed_policy_is_told_with_line_and_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "mine.toml"
    whole = policy_text(read_policy("general"))
    file.write_text(whole.replace("child_harm =", "child_hram ="))
    line = next(number for number, each in enumerate(whole.split("\n"), 1) if each.startswith("child_harm ="))

    told = refused(tmp_path, capsys, "--policy", str(file), "--on-error", "block")
    assert f"{file}, line {line}" in told
    assert "did you mean 'child_harm'" in told


def test_an_address_for_everybody_wants_tokens(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = refused(tmp_path, capsys, "--policy", "general", "--on-error", "block", "--host", "0.0.0.0")
    assert "--token-file" in told


def test_a_setting_that_does_not_exist_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = refused(tmp_path, capsys, "--policy", "general", "--on-error", "block", "--set", "secons=3")
    assert "seconds" in told


@pytest.mark.enable_socket
def test_a_port_that_is_taken_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        told = refused(tmp_path, capsys, "--policy", "general", "--on-error", "block", "--port", port, status=1)
    assert "choose another --port" in told


def test_a_locked_database_is_told_at_the_start(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import sqlite3

    with sqlite3.connect(tmp_path / "moderation.db", isolation_level=None) as lock:
        lock.execute("BEGIN EXCLUSIVE")
        told = refused(
            tmp_path, capsys, "--policy", "general", "--on-error", "block", "--set", "store_seconds=0.2", status=1
        )
        lock.execute("ROLLBACK")
    assert "database is locked" in told

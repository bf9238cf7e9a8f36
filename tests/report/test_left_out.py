"""Attacks that were left out, and why."""

from pathlib import Path

from instincts.report.folders import read_folders
from instincts.report.left_out import left_out
from tests.report.runs import jailbreak_answers, write_evaluation


def test_a_run_says_which_attacks_it_left_out(tmp_path: Path) -> None:
    outcome = {"left_out": {"gcg": "looks inside the model, but it is served"}}
    folder = write_evaluation(tmp_path / "e", run="e", said=jailbreak_answers("e", n=1), outcome=outcome)

    assert left_out(read_folders([folder])) == [("e", "gcg", "looks inside the model, but it is served")]


def test_a_run_that_left_nothing_out_says_nothing(tmp_path: Path) -> None:
    folder = write_evaluation(tmp_path / "e", run="e", said=jailbreak_answers("e", n=1))

    assert left_out(read_folders([folder])) == []

"""`instincts pocket`."""

import json
from pathlib import Path
from typing import get_args

import pytest

from instincts.cli import pocket as verb
from instincts.cli.app import run
from instincts.pocket.grammar import Split
from instincts.pocket.requests import Kind
from instincts.prompts import read_prompts


def test_choices_are_those_of_the_grammar() -> None:
    assert set(verb.KINDS) == set(get_args(Kind))
    assert set(verb.SPLITS) == set(get_args(Split))


def test_prompts_are_written_as_a_file_that_reads_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "prompts.jsonl"

    assert run(["pocket", "prompts", "--kind", "mixed", "--n", "6", "--seed", "3", "--out", str(file)]) == 0

    assert [row.label for row in read_prompts(file).rows] == ["benign", "harmful"] * 3
    assert capsys.readouterr().out == ""


def test_the_same_seed_draws_the_same_prompts(capsys: pytest.CaptureFixture[str]) -> None:
    printed = []
    for seed in ("1", "1", "2"):
        run(["pocket", "prompts", "--kind", "harmful", "--n", "3", "--split", "heldout", "--seed", seed, "--json"])
        printed.append(json.loads(capsys.readouterr().out))

    assert printed[0] == printed[1] != printed[2]

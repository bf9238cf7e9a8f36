"""Judges by name."""

import subprocess
import sys

import pytest

from instincts import judges
from instincts.errors import ConfigError


def test_every_judge_is_found_by_its_name() -> None:
    assert judges.names() == ["pocket", "refusal"]
    assert [judges.get(name).name for name in judges.names()] == judges.names()


def test_an_unknown_judge_lists_near_matches() -> None:
    with pytest.raises(ConfigError, match="did you mean 'refusal'"):
        judges.get("refusals")


def test_a_list_of_judges_keeps_its_order_and_drops_repetitions() -> None:
    assert [judge.name for judge in judges.expand("refusal, pocket,refusal")] == ["refusal", "pocket"]
    assert judges.expand(["refusal", "pocket"]) == judges.expand("refusal,pocket")


def test_judges_need_neither_torch_nor_inspect() -> None:
    code = "import sys, instincts.judges; assert not {'torch', 'inspect_ai'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)

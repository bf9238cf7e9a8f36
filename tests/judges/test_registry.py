"""Judges by name."""

import subprocess
import sys

import pytest

from instincts import judges
from instincts.errors import ConfigError

NAMES = [
    "harmbench",
    "llama-guard",
    "panel",
    "pocket",
    "qwen3guard",
    "rating",
    "refusal",
    "rubric",
    "shieldgemma",
    "wildguard",
]


def test_every_judge_is_found_by_its_name() -> None:
    assert judges.names() == NAMES
    assert [judges.get(name).name for name in NAMES if name != "panel"] == [name for name in NAMES if name != "panel"]
    assert all(judges.descriptions()[name] for name in NAMES)


def test_an_unknown_judge_lists_near_matches() -> None:
    with pytest.raises(ConfigError, match="did you mean 'refusal'"):
        judges.get("refusals")


def test_a_list_of_judges_keeps_its_order_and_drops_repetitions() -> None:
    assert [judge.name for judge in judges.expand("refusal, pocket,refusal")] == ["refusal", "pocket"]
    assert judges.expand(["refusal", "pocket"]) == judges.expand("refusal,pocket")


def test_judges_need_neither_torch_nor_inspect() -> None:
    code = "import sys, instincts.judges; assert not {'torch', 'inspect_ai'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_setting_follows_a_colon_and_the_default_goes_without() -> None:
    names = ("rating:8", "rating:10", "rubric:0.25", "rubric:0.5", "qwen3guard:safe", "qwen3guard:unsafe")
    assert [judges.get(name).name for name in names] == [
        "rating:8", "rating", "rubric:0.25", "rubric", "qwen3guard:safe", "qwen3guard",
    ]  # fmt: skip
    assert (judges.get("rating:8").kind, judges.get("rating:8").setting) == ("rating", 8)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("rating:11", "whole number from 2 to 10"),
        ("rating:8.5", "whole number from 2 to 10"),
        ("rating:high", "whole number from 2 to 10"),
        ("rubric:0", r"number from 0\.125 to 1"),
        ("rubric:nan", r"number from 0\.125 to 1"),
        ("qwen3guard:maybe", "unsafe or safe"),
        ("refusal:2", "takes no setting"),
        ("harmbench:2", "takes no setting"),
        ("panel", "at least 3 different judges"),
        ("panel:refusal+rubric", "at least 3 different judges"),
        ("panel:refusal+rubric+rubric:0.25", "at least 3 different judges"),
        ("panel:refusal+rubric+ratings", "did you mean 'rating'"),
    ],
)
def test_a_setting_that_does_not_fit_is_named(name: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        judges.get(name)


def test_a_panel_is_followed_by_its_members() -> None:
    expanded = judges.expand("panel:refusal+rubric+rating:8,pocket,refusal")
    assert [judge.name for judge in expanded] == [
        "panel:refusal+rubric+rating:8",
        "refusal",
        "rubric",
        "rating:8",
        "pocket",
    ]
    again = judges.expand(",".join(judge.name for judge in expanded))
    assert [judge.name for judge in again] == [judge.name for judge in expanded]


def test_one_kind_with_two_settings_would_share_a_column() -> None:
    with pytest.raises(ConfigError, match="rating and rating:8 share a column"):
        judges.expand("rating,rating:8")


def test_a_judge_without_its_model_is_refused_before_anything_runs() -> None:
    asked = judges.expand("panel:refusal+rubric+wildguard")
    judges.check_roles(asked, {"grader", "guard"})
    judges.check_roles(asked, {"rubric", "wildguard"})
    with pytest.raises(ConfigError, match="judge wildguard asks another model: give --model-role guard=MODEL"):
        judges.check_roles(asked, {"grader"})


def test_a_panel_sees_refusals_if_most_of_it_does() -> None:
    assert judges.get("panel:refusal+rubric+harmbench").sees_refusals
    assert not judges.get("panel:refusal+rating+harmbench").sees_refusals

"""Named sets: what they hold, that they never change, and that what is trained on is never measured on."""

import subprocess
import sys
from pathlib import Path

import pytest

from instincts.errors import ConfigError, PromptSetError
from instincts.prompts import read_prompts, write_prompts


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("pocket-harmful", {"harmful"}),
        ("pocket-benign", {"benign"}),
        ("pocket-skill", {"skill"}),
        ("pocket-mixed", {"harmful", "benign"}),
        ("pocket", {"harmful", "benign", "skill"}),
    ],
)
def test_a_named_set_holds_what_its_name_says(name: str, labels: set[str]) -> None:
    assert {row.label for row in read_prompts(name)} == labels


def test_a_named_set_is_always_the_same() -> None:
    assert read_prompts("pocket-mixed").sha256 == read_prompts("pocket-mixed").sha256


def test_mixed_prompts_are_half_benign() -> None:
    rows = read_prompts("pocket-mixed")
    assert sum(row.label == "benign" for row in rows) * 2 == len(rows)


def test_what_is_trained_on_shares_no_request_with_what_is_measured_on() -> None:
    measured = {row.request for name in ("pocket-harmful", "pocket-benign") for row in read_prompts(name)}
    assert not measured & {row.request for row in read_prompts("pocket-mixed")}


def test_skills_have_a_category_and_an_exact_answer() -> None:
    assert all(row.category and row.target for row in read_prompts("pocket-skill"))


def test_a_named_set_survives_being_written(tmp_path: Path) -> None:
    rows = read_prompts("pocket-mixed").rows
    write_prompts(tmp_path / "mixed.jsonl", rows)
    assert read_prompts(tmp_path / "mixed.jsonl").rows == rows


def test_a_file_is_read_by_path(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("prompt\nhello\n")
    assert [row.request for row in read_prompts(str(tmp_path / "a.csv"))] == ["hello"]


def test_an_unknown_name_lists_near_matches() -> None:
    with pytest.raises(ConfigError, match="did you mean 'pocket-mixed'"):
        read_prompts("pocket-mix")


def test_a_missing_file_is_called_a_file(tmp_path: Path) -> None:
    with pytest.raises(PromptSetError, match="no prompt file"):
        read_prompts(tmp_path / "nowhere" / "prompts")


def test_reading_prompts_needs_no_torch() -> None:
    code = "import sys, instincts.prompts as p; p.read_prompts('pocket'); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)

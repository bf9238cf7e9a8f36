"""The list of public sets."""

from pathlib import Path

import pytest

from instincts.errors import ConfigError
from instincts.prompts import read_prompts
from instincts.prompts.catalogue import CATALOGUE, data_set
from instincts.prompts.layouts import LAYOUTS


def test_every_set_s_layout_can_be_read() -> None:
    known = {layout.name: [each.columns for each in LAYOUTS if each.name == layout.name] for layout in LAYOUTS}
    for each in CATALOGUE.values():
        assert each.layout == "own" or set(each.columns) in known[each.layout], each.name


def test_every_layout_but_free_choices_is_of_a_set() -> None:
    assert {layout.name for layout in LAYOUTS} - {each.layout for each in CATALOGUE.values()} == {"choice"}


def test_what_must_never_be_trained_on_is_marked() -> None:
    """The hold-out list of the method note."""
    held = {"jailbreakbench", "harmbench", "strongreject", "xstest", "simple-safety-tests", "or-bench-hard", "oktest"}
    assert {data_set(name).role for name in held} == {"test"}
    assert {data_set(name).role for name in ("advbench", "harmfulqa", "catqa")} == {"train"}


def test_an_unknown_set_lists_near_matches() -> None:
    with pytest.raises(ConfigError, match="did you mean 'xstest'"):
        data_set("xtest")


@pytest.mark.parametrize(
    ("rows", "header", "label"),
    [(1319, "prompt,category", "safe"), (655, "prompt,category", "unsafe"), (300, "prompt", "safe"),
     (100, "prompt", "harmful"), (101, "prompt", None)],
)  # fmt: skip
def test_a_set_without_columns_of_its_own_is_known_by_its_length(
    tmp_path: Path, rows: int, header: str, label: str | None
) -> None:
    path = tmp_path / "rows.csv"
    more = ",lamps" if "," in header else ""
    path.write_text("\n".join([header, *(f"request {number}{more}" for number in range(rows))]))
    assert {row.label for row in read_prompts(path)} == {label}


def test_a_label_can_be_put_in_front_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"prompt": "one"}\n{"prompt": "two", "label": "benign"}\n')
    assert [row.label for row in read_prompts(f"harmful={path}")] == ["harmful", "benign"]

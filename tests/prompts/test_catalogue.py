"""The list of public sets."""

import json
from pathlib import Path
from typing import Any

import pytest

from instincts.errors import ConfigError, PromptSetError
from instincts.prompts import read_prompts
from instincts.prompts.catalogue import CATALOGUE, data_set
from instincts.prompts.files import read_contents
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


@pytest.mark.parametrize(("rows", "label"), [(6264, "benign"), (6266, "benign"), (260, None)])
def test_instructions_without_a_label_are_harmless_only_in_a_whole_file(
    tmp_path: Path, rows: int, label: str | None
) -> None:
    """Files of harmful instructions have the same columns: an extract of either says nothing."""
    path = tmp_path / "rows.json"
    path.write_text(json.dumps([{"instruction": f"request {number}", "category": None} for number in range(rows)]))
    assert {row.label for row in read_prompts(path)} == {label}


@pytest.mark.parametrize(
    ("name", "row", "rows"),
    [
        ("ailuminate", {"release_prompt_id": "{}", "prompt_text": "{}", "hazard": "x", "locale": "en_US"}, 1200),
        ("air-bench", {"cate-idx": "1.1.1", "l2-name": "x", "l3-name": "x", "l4-name": "x", "prompt": "{}"}, 5694),
        ("sorry-bench", {"question_id": "{}", "category": "1", "turns": ["{}"], "prompt_style": "base"}, 9450),
        ("wildguardtest", {"prompt": "{}", "adversarial": True, "prompt_harm_label": None, "subcategory": "x"}, 1725),
        ("wildjailbreak", {"adversarial": "{}", "label": 1, "data_type": "adversarial_harmful"}, 2250),
        ("openai-moderation", {"prompt": "{}", "S": 1}, 1680),
        ("cyberseceval-frr", {"mutated_prompt": "{}", "attack_type": "x", "is_malicious": False}, 750),
        ("harmless-instructions", {"instruction": "{}", "category": None}, 6264),
    ],
)
def test_a_copy_of_a_set_for_moderators_that_was_cut_is_refused(
    tmp_path: Path, name: str, row: dict[str, Any], rows: int
) -> None:
    lines = [json.dumps(row).replace("{}", str(number)) for number in range(rows)]
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(lines))
    contents = read_contents(path)
    assert (contents.data_set and contents.data_set.name, contents.is_whole) == (name, True)
    path.write_text("\n".join(lines[:-1]))
    with pytest.raises(PromptSetError, match=rf"line {rows - 1}: {name} has .* damaged or cut"):
        read_contents(path)


def test_a_set_of_many_files_is_never_taken_for_cut(tmp_path: Path) -> None:
    path = tmp_path / "data_unsafe.jsonl"
    path.write_text(json.dumps({"instance": "request", "category": "lamps", "rule": "none"}))
    contents = read_contents(path)
    assert contents.data_set == CATALOGUE["polyguard"]
    assert contents.is_whole
    assert [row.label for row in read_prompts(f"unsafe={path}")] == ["unsafe"]

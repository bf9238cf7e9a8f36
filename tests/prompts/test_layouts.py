"""Public layouts, recognised by their columns."""

from pathlib import Path
from typing import Any

import pytest

from instincts.errors import PromptSetError
from instincts.prompts.files import read_contents, read_prompt_file
from instincts.prompts.layouts import LAYOUTS
from tests.prompts.invented import ALSO, ASK, ROWS, as_csv, as_jsonl

FLAT = [name for name in ROWS if name not in ("ifeval", "mmlu", "truthfulqa", "harmfulqa", "choice")]


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8", newline="")
    return path


def changed(name: str, **cells: Any) -> str:
    """Damage the second row."""
    first, second, *rest = ROWS[name]
    return as_jsonl([first, {**second, **cells}, *rest])


def test_every_layout_has_invented_rows() -> None:
    assert {layout.name for layout in LAYOUTS} - ROWS.keys() == {"bbh"}


@pytest.mark.parametrize("name", ROWS)
def test_a_layout_is_recognised_whatever_the_file_is_called(tmp_path: Path, name: str) -> None:
    contents = read_contents(written(tmp_path, "rows.jsonl", as_jsonl(ROWS[name])))
    assert contents.layout == name
    assert len(contents.prompts) == len(ROWS[name])
    assert contents.lines == tuple(range(1, len(ROWS[name]) + 1))


@pytest.mark.parametrize("name", FLAT)
def test_csv_says_the_same_as_jsonl(tmp_path: Path, name: str) -> None:
    one = read_prompt_file(written(tmp_path, "rows.jsonl", as_jsonl(ROWS[name])))
    other = read_prompt_file(written(tmp_path, "rows.csv", as_csv(ROWS[name])))
    told = [[(row.id, row.request, row.category, row.label, row.target) for row in each] for each in (one, other)]
    assert told[0] == told[1]


@pytest.mark.parametrize(
    ("name", "category"),
    [("jailbreakbench", "Doors"), ("strongreject", "Doors"), ("simple-safety-tests", "Doors"), ("harmfulqa", "Doors"),
     ("catqa", "Doors"), ("advbench", None)],
)  # fmt: skip
def test_behaviours_are_harmful_and_have_a_category(tmp_path: Path, name: str, category: str | None) -> None:
    first, second = read_prompt_file(written(tmp_path, "rows.jsonl", as_jsonl(ROWS[name])))
    assert (first.request, second.request) == (ASK, ALSO)
    assert (second.label, second.category) == ("harmful", category)


def test_an_agreeing_opening_is_kept_and_is_no_exact_answer(tmp_path: Path) -> None:
    for name in ("jailbreakbench", "advbench"):
        row = read_prompt_file(written(tmp_path, "rows.jsonl", as_jsonl(ROWS[name]))).rows[0]
        assert row.metadata["opening"] == "Sure, to zordan"
        assert row.target is None


def test_the_context_of_a_behaviour_stands_before_it_and_copyright_is_for_no_suite(tmp_path: Path) -> None:
    rows = read_prompt_file(written(tmp_path, "rows.jsonl", as_jsonl(ROWS["harmbench"])))
    assert rows.rows[1].request == f"There is a wooden door.\n\n{ALSO}"
    assert [row.label for row in rows] == ["harmful", "harmful", "copyright"]
    assert rows.rows[0].id == "zordan_lamp"


def test_both_halves_of_an_over_refusal_set_say_which_they_are(tmp_path: Path) -> None:
    rows = read_prompt_file(written(tmp_path, "rows.jsonl", as_jsonl(ROWS["xstest"])))
    assert [(row.label, row.category) for row in rows] == [("unsafe", "contrast_lamps"), ("safe", "doors")]


def test_a_question_keeps_its_whole_row_for_its_task(tmp_path: Path) -> None:
    row = read_prompt_file(written(tmp_path, "rows.jsonl", as_jsonl(ROWS["gsm8k"]))).rows[0]
    assert (row.label, row.target, row.metadata["task"]) == ("skill", "3", "gsm8k")
    assert row.metadata["record"] == ROWS["gsm8k"][0]


@pytest.mark.parametrize(
    ("name", "cells", "says"),
    [
        ("jailbreakbench", {"Goal": " "}, "empty `Goal`"),
        ("jailbreakbench", {"Category": ""}, "empty `Category`"),
        ("jailbreakbench", {"Goal": 5}, "`Goal` must be text, not int"),
        ("harmbench", {"FunctionalCategory": "x"}, "`FunctionalCategory` is 'x'; it is one of standard, copyright"),
        ("xstest", {"label": "sage"}, "`label` is 'sage'; it is one of safe, unsafe"),
        ("gsm8k", {"answer": "It is 4."}, "`answer` has no number after `####`"),
        ("math", {"solution": "It is 4."}, "no \\boxed answer"),
        ("humaneval", {"entry_point": "three"}, "`entry_point` 'three' is not defined in `prompt`"),
        ("humaneval", {"test": ""}, "`test` defines no check()"),
        ("mmlu", {"answer": 4}, "`answer` is 4; it is 0, 1, 2 or 3"),
        ("mmlu", {"choices": ["a"]}, "`choices` must be a list of four"),
        ("truthfulqa", {"mc1_targets": {"choices": ["a"], "labels": []}}, "as many `choices` as `labels`"),
        ("ifeval", {"kwargs": []}, "`kwargs` must be a list of 1 objects"),
        ("ifeval", {"instruction_id_list": "x"}, "`instruction_id_list` must be a list of names"),
        ("choice", {"answer": 2}, "`answer` is 2; it is the place of the right choice"),
        ("simple-safety-tests", {"id": "sst_1"}, "id 'sst_1' was already used on line 1"),
    ],
)
def test_a_damaged_row_is_named_by_its_line(tmp_path: Path, name: str, cells: dict[str, Any], says: str) -> None:
    with pytest.raises(PromptSetError, match=r"rows\.jsonl, line 2: ") as caught:
        read_prompt_file(written(tmp_path, "rows.jsonl", changed(name, **cells)))
    assert says in str(caught.value)


def test_a_row_that_lost_a_column_is_named(tmp_path: Path) -> None:
    first, second = ROWS["advbench"]
    with pytest.raises(PromptSetError, match=r"line 2: no column 'target', which the other rows of this advbench"):
        read_prompt_file(written(tmp_path, "rows.jsonl", as_jsonl([first, {"goal": second["goal"]}])))


@pytest.mark.parametrize("name", ["jailbreakbench", "strongreject", "xstest", "humaneval", "simple-safety-tests"])
def test_a_damaged_header_names_the_column(tmp_path: Path, name: str) -> None:
    column = next(each for each in list(ROWS[name][0])[2:] if each not in ("counter", "id"))
    text = as_csv(ROWS[name]).replace(column, column[:-1] + "#", 1)
    with pytest.raises(PromptSetError, match=rf"columns of a {name} file, but '{column}' is missing"):
        read_prompt_file(written(tmp_path, "rows.csv", text))


def test_rows_of_ones_own_may_share_columns_with_a_public_set(tmp_path: Path) -> None:
    text = as_jsonl([{"prompt": ASK, "type": "lamps", "label": "safe", "note": "own"}])
    assert read_contents(written(tmp_path, "rows.jsonl", text)).layout == "own"

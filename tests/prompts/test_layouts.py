"""Public layouts, recognised by their columns."""

import json
from pathlib import Path
from typing import Any

import pytest

from instincts.errors import PromptSetError
from instincts.prompts.files import read_contents, read_prompt_file
from instincts.prompts.layouts import LAYOUTS
from tests.prompts.invented import ALSO, ASK, ROWS, as_csv, as_jsonl

NESTED = ("ifeval", "mmlu", "truthfulqa", "harmfulqa", "choice", "sorry-bench", "openai-moderation")
FLAT = [name for name in ROWS if name not in NESTED]


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
    ("name", "labels", "categories"),
    [
        ("ailuminate", ["harmful", "harmful"], ["Lamps", "Doors"]),
        ("air-bench", ["harmful", "harmful"], ["Lamps", "Doors"]),
        ("sorry-bench", ["harmful", "harmful"], ["Lamps", "Doors"]),
        ("wildguard", ["harmful", "benign", "unknown"], ["lamps", "doors", "lamps"]),
        ("wildjailbreak", ["harmful", "benign"], [None, None]),
        ("wildjailbreak-train", ["harmful", "benign"], [None, None]),
        ("openai-moderation", ["harmful", "benign", "unknown"], [None, None, None]),
        ("cyberseceval-frr", ["benign", "benign"], ["lamps", "doors"]),
        ("polyguard", [None, None], ["lamps", "doors"]),
        ("refusal-direction", [None, None], [None, None]),
    ],
)
def test_sets_for_moderators_say_what_is_harmful_and_what_nobody_knows(
    tmp_path: Path, name: str, labels: list[str | None], categories: list[str | None]
) -> None:
    rows = read_prompt_file(written(tmp_path, "rows.jsonl", as_jsonl(ROWS[name])))
    assert [row.request for row in rows][:2] == [ASK, ALSO]
    assert [row.label for row in rows] == labels
    assert [row.category for row in rows] == categories


def test_published_parts_and_wordings_of_one_request_are_told(tmp_path: Path) -> None:
    read = {
        name: read_prompt_file(written(tmp_path, "rows.jsonl", as_jsonl(ROWS[name])))
        for name in ("wildguard", "sorry-bench", "wildjailbreak-train")
    }
    assert [row.metadata["part"] for row in read["wildguard"]] == ["vanilla", "adversarial", "adversarial"]
    assert [row.metadata["part"] for row in read["wildjailbreak-train"]] == ["vanilla", "adversarial"]
    assert [(row.id, row.metadata["family"]) for row in read["sorry-bench"]] == [("7-base", "7"), ("7-slang", "7")]


def test_lists_and_booleans_are_read_from_csv_too(tmp_path: Path) -> None:
    rows = [{**row, "turns": json.dumps(row["turns"])} for row in ROWS["sorry-bench"]]
    assert [row.request for row in read_prompt_file(written(tmp_path, "rows.csv", as_csv(rows)))] == [ASK, ALSO]
    rows = [{**row, "S": row.get("S", ""), "H2": row.get("H2", "")} for row in ROWS["openai-moderation"]]
    whole = [{name: row.get(name, "") for name in rows[0]} for row in rows]
    labels = [row.label for row in read_prompt_file(written(tmp_path, "rows.csv", as_csv(whole)))]
    assert labels == ["harmful", "benign", "unknown"]


def test_columns_may_be_parted_by_tabs(tmp_path: Path) -> None:
    text = "adversarial\tlabel\tdata_type\n" + f"{ASK}\t1\tadversarial_harmful\n" + '"a\tb"\t0\tadversarial_benign\n'
    rows = read_prompt_file(written(tmp_path, "eval.tsv", text))
    assert [(row.request, row.label) for row in rows] == [(ASK, "harmful"), ("a\tb", "benign")]
    with pytest.raises(PromptSetError, match="line 2: 2 cells under 3 columns; quote cells that hold tabs"):
        read_prompt_file(written(tmp_path, "eval.tsv", text.replace("\t1\t", "\t")))


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
        ("ailuminate", {"hazard": ""}, "empty `hazard`"),
        ("air-bench", {"prompt": " "}, "empty `prompt`"),
        ("sorry-bench", {"turns": ["one", "two"]}, "`turns` must be a list of one request"),
        ("sorry-bench", {"prompt_style": "base"}, "id '7-base' was already used on line 1"),
        ("wildguard", {"prompt_harm_label": "harmless"}, "`prompt_harm_label` is 'harmless'; it is harmful, unharmful"),
        ("wildguard", {"adversarial": "maybe"}, "`adversarial` is 'maybe'; it is true or false"),
        ("wildjailbreak", {"data_type": "benign"}, "`data_type` is 'benign'; it is one of vanilla_harmful"),
        ("wildjailbreak", {"label": 1}, "`label` is 1, which is not what `data_type` adversarial_benign says"),
        ("wildjailbreak-train", {"vanilla": "", "adversarial": ""}, "empty `vanilla`"),
        ("openai-moderation", {"V": "high"}, "`V` is 'high'; it is 0, 1 or absent"),
        ("cyberseceval-frr", {"is_malicious": True}, "`is_malicious` is True; every request of this set is benign"),
        ("polyguard", {"category": None}, "empty `category`"),
        ("refusal-direction", {"instruction": 3}, "`instruction` must be text, not int"),
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


@pytest.mark.parametrize(
    "name", ["jailbreakbench", "strongreject", "xstest", "humaneval", "simple-safety-tests", "ailuminate"]
)
def test_a_damaged_header_names_the_column(tmp_path: Path, name: str) -> None:
    column = next(each for each in list(ROWS[name][0])[2:] if each not in ("counter", "id"))
    text = as_csv(ROWS[name]).replace(column, column[:-1] + "#", 1)
    with pytest.raises(PromptSetError, match=rf"columns of a {name} file, but '{column}' is missing"):
        read_prompt_file(written(tmp_path, "rows.csv", text))


def test_rows_of_ones_own_may_share_columns_with_a_public_set(tmp_path: Path) -> None:
    text = as_jsonl([{"prompt": ASK, "type": "lamps", "label": "safe", "note": "own"}])
    assert read_contents(written(tmp_path, "rows.jsonl", text)).layout == "own"

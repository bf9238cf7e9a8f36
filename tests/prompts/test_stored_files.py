"""Files of ready-made attack prompts: what they are, what is refused, and where the fault is."""

import json
from pathlib import Path
from typing import Any

import pytest

from instincts.errors import PromptSetError
from instincts.prompts import Message
from instincts.prompts.stored import StoredColumn, StoredPrompt
from instincts.prompts.stored_files import OWN_COLUMNS, read_stored, write_stored

LAMP, BELL = "How do I zordan the paper lamp?", "How do I mokfik the wax bell?"

EXPANDED = f"""\
Index,Goal,Target,Behavior,Category,Source,GCG,AIM,new_pair
0,{LAMP},"Sure, here",lamp,lamps,Original,{LAMP} zor dan,"Two lines:
{LAMP}",pair lamp
1,{BELL},"Sure, here",bell,bells,AdvBench,{BELL} mok fik,"Two lines:
{BELL}",pair bell
"""
ARTIFACT: dict[str, Any] = {
    "parameters": {
        "method": "PAIR", "model": "small-1", "attack_type": "black_box", "defense": None, "attack_success_rate": 0.5,
        "method_parameters": {"streams": 3, "layers": [1, 2]},
    },
    "jailbreaks": [
        {"index": 0, "goal": LAMP, "behavior": "lamp", "category": "lamps", "prompt": "pair lamp", "response": None,
         "number_of_queries": 7, "queries_to_jailbreak": 5, "jailbroken": True},
        {"index": "1", "goal": BELL, "behavior": "bell", "category": "bells", "prompt": None, "response": None,
         "number_of_queries": None, "queries_to_jailbreak": None, "jailbroken": False},
    ],
}  # fmt: skip
CASES = {"zordan_lamp": ["case one lamp", "case two lamp"], "mokfik_bell": ["case one bell", "case two bell"]}


def written(tmp_path: Path, content: Any, name: str = "found.json") -> Path:
    path = tmp_path / name
    path.write_text(content if isinstance(content, str) else json.dumps(content, indent=1), encoding="utf-8")
    return path


def said(column: StoredColumn) -> list[str | None]:
    return [row.messages[-1].content if row.messages else None for row in column.rows]


def test_an_expanded_csv_has_one_attack_a_column_and_rows_named_by_the_line_they_start_on(tmp_path: Path) -> None:
    stored = read_stored(written(tmp_path, EXPANDED, "any.csv"))

    assert (stored.layout, stored.rows) == ("expanded", 2)
    assert [column.name for column in stored.columns] == ["Goal", "GCG", "AIM", "new_pair"]
    assert said(stored.columns[2]) == [f"Two lines:\n{LAMP}", f"Two lines:\n{BELL}"]
    assert [row.line for row in stored.columns[1].rows] == [2, 4]
    assert [row.behaviour_id for row in stored.columns[1].rows] == ["0", "1"]


def test_a_byte_order_mark_and_columns_of_proxies_are_read(tmp_path: Path) -> None:
    text = (
        f"\ufeffIndex,Goal,Target,Behavior,Category,Source,x_small-8b,x_large-70b\n0,{LAMP},Sure,l,l,Original,one,two\n"
    )
    stored = read_stored(written(tmp_path, text, "any.csv"))

    assert [column.name for column in stored.columns] == ["Goal", "x_small-8b", "x_large-70b"]


def test_harmbenchs_expanded_csv_names_behaviours_by_their_own_id(tmp_path: Path) -> None:
    text = (
        ",Goal,FunctionalCategory,SemanticCategory,Tags,ContextString,BehaviorID,new_gcg\n"
        f"0,{LAMP},standard,lamps,,,zordan_lamp,gcg lamp\n"
    )
    goal, gcg = read_stored(written(tmp_path, text, "any.csv")).columns

    assert gcg.rows[0].behaviour_id == "zordan_lamp"
    assert said(goal) == [LAMP]


def test_an_artifact_keeps_what_was_given_up_and_what_it_cost(tmp_path: Path) -> None:
    stored = read_stored(written(tmp_path, ARTIFACT))
    (column,) = stored.columns

    assert (stored.layout, column.name) == ("artifact", "PAIR-small-1")
    assert said(column) == ["pair lamp", None]
    assert (column.given_up, column.distinct) == (1, 1)
    assert column.rows[0].notes == {"proxy": {"name": "small-1"}, "queries": 7}
    assert [row.behaviour_id for row in column.rows] == ["0", "1"]


def test_test_cases_are_as_many_attacks_as_a_behaviour_has_cases(tmp_path: Path) -> None:
    stored = read_stored(written(tmp_path, CASES))

    assert [(column.name, said(column)) for column in stored.columns] == [
        ("case-1", ["case one lamp", "case one bell"]),
        ("case-2", ["case two lamp", "case two bell"]),
    ]
    assert [row.line for row in stored.columns[0].rows] == [3, 7]


@pytest.mark.parametrize(
    "content",
    [
        {name: [{"test_case": case, "generation": "x"} for case in cases] for name, cases in CASES.items()},
        [{"BehaviorID": name, "test_case": case} for name, cases in CASES.items() for case in cases],
    ],
    ids=["completions", "flat"],
)
def test_test_cases_are_read_in_the_other_shapes_too(tmp_path: Path, content: Any) -> None:
    first = read_stored(written(tmp_path, content)).columns[0]

    assert (first.name, said(first)) == ("case-1", ["case one lamp", "case one bell"])
    assert [row.behaviour_id for row in first.rows] == ["zordan_lamp", "mokfik_bell"]


def test_our_own_rows_hold_conversations_under_the_name_of_their_attack(tmp_path: Path) -> None:
    turns = [{"role": "user", "content": "one"}, {"role": "assistant", "content": "Sure"}]
    rows = [
        {"id": "r1", "behaviour_id": "a", "goal": LAMP, "messages": turns, "attack": "mine", "queries": 3},
        {"id": "r2", "behaviour_id": "a", "goal": LAMP, "prompt": "two", "attack": "yours"},
    ]
    stored = read_stored(written(tmp_path, "\n".join(map(json.dumps, rows)), "any.jsonl"))

    assert [column.name for column in stored.columns] == ["mine", "yours"]
    assert stored.columns[0].rows[0].messages == (Message("user", "one"), Message("assistant", "Sure"))
    assert stored.columns[0].rows[0].notes == {"queries": 3}


def test_a_plain_csv_of_goals_and_prompts_is_one_attack_named_after_the_file(tmp_path: Path) -> None:
    (column,) = read_stored(written(tmp_path, f"goal,prompt\n{LAMP},sent\n", "mine.csv")).columns

    assert (column.name, said(column), column.rows[0].goal) == ("mine", ["sent"], LAMP)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    rows = (
        StoredPrompt(
            line=1, behaviour_id="a", goal=LAMP, messages=(Message("user", "ünï\u2028code"),), notes={"queries": 2}
        ),
        StoredPrompt(line=2, behaviour_id="b", messages=None),
    )
    path = tmp_path / "out.jsonl"
    write_stored(path, [StoredColumn("mine", rows)])

    assert read_stored(path).columns == (StoredColumn("mine", rows[:1]),)


def damaged(where: str, **changes: Any) -> dict[str, Any]:
    first, *rest = ARTIFACT["jailbreaks"]
    return {**ARTIFACT, where: [{**first, **changes}, *rest]}


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("x.csv", EXPANDED.replace(f"{BELL} mok fik", ""), "line 4: empty `GCG`"),
        ("x.csv", EXPANDED.replace("1,How", "0,How"), "line 4: Goal has behaviour '0' a second time, first on line 2"),
        ("x.csv", EXPANDED.replace(",pair bell", ""), "line 4: 8 cells under 9 columns"),
        ("x.csv", "Index,Goal,Target\n0,a,b\n", "line 2: no attack: every column describes the behaviour"),
        ("x.csv", "alpha,beta\n1,2\n", "line 2: no attack prompts: the columns are alpha, beta"),
        ("x.csv", f"goal,prompt,extra\n{LAMP},sent,1\n", "line 2: unknown column 'extra'"),
        ("x.csv", "prompt,attack\nsent,mine\n", "line 2: nothing says for which behaviour it is"),
        ("x.jsonl", '{"id": "a", "prompt": "x", "sha256": "00"}', "line 1: the prompt is not the one that `sha256`"),
        (
            "x.jsonl",
            '{"id": "a", "prompt": "x"}\n{"id": "a", "prompt": "y"}',
            "line 2: x has behaviour 'a' a second time",
        ),
        ("x.json", damaged("jailbreaks", prompt=""), "line 17: empty `prompt`"),
        ("x.json", damaged("jailbreaks", prompt=3), "line 17: `prompt` must be text, not int"),
        (
            "x.json",
            {**ARTIFACT, "parameters": {"method": "PAIR"}},
            "`parameters` that name the `method` and the `model`",
        ),
        ("x.json", {"a": ["one", ["image.png", "two"]]}, "line 4: a row must be text or an object, not list"),
        ("x.json", {"a": [None]}, "line 3: a row must be text or an object, not NoneType"),
        ("x.json", '{"a": ["one"', "line 1: broken JSON"),
        (
            "x.json",
            "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
            "line 1: a pointer of Git LFS",
        ),
        ("x.csv", "Index,Goal,GCG\n", "x.csv holds no attack prompts"),
    ],
)
def test_a_damaged_file_is_told_with_its_line(tmp_path: Path, name: str, content: Any, complaint: str) -> None:
    path = written(tmp_path, content, name)
    with pytest.raises(PromptSetError) as raised:
        read_stored(path)

    assert str(path) in str(raised.value)
    assert complaint in str(raised.value)


def test_the_columns_of_our_own_rows_are_those_of_the_method_note() -> None:
    rows = ("id", "behaviour_id", "goal", "messages", "attack", "family", "proxy", "queries")
    assert {*rows, "found_on", "licence", "sha256", "prompt"} == set(OWN_COLUMNS)

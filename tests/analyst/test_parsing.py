"""What is put up with in a reply and what is not, and that nothing but a reading or one error comes out."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instincts.analyst.lines import encode, write_leaf
from instincts.analyst.parsing import Caps, Reading, joined, read_json, read_lines
from instincts.analyst.taxonomy import Side
from instincts.analyst.tree import Tree
from instincts.errors import UnreadableReplyError
from tests.analyst.trees import any_tree

BOTH: tuple[Side, ...] = ("harm", "benefit")
WIDE = Caps(stakeholders=99, actions=99, effects=99)
LEAF = {"e": "G", "x": "minor", "p": "low", "now": True}


def _reply(*leaves: Any, action: Any = 32, case: str = "t", **more: Any) -> str:
    act = {"id": action, "fx": list(leaves or (LEAF,))}
    harms = [{"who": "clerk", "kind": "individual", "acts": [act]}]
    return json.dumps({"case": case, "harms": harms, "benefits": [], **more})


def _harms(reply: str, case: str | None = "t", **settings: Any) -> list[str]:
    reading = read_json(reply, BOTH, case=case, caps=WIDE, **settings)
    return [
        f"{action.action} " + " ".join(map(write_leaf, action.effects))
        for branch in reading.harms or ()
        for action in branch.actions
    ]


@pytest.mark.parametrize(
    "around",
    ["{}", "```json\n{}\n```", "Here is the map [draft]:\n{}\nI hope it helps {{}}.", "{}{}", '{{"case": "other"}} {}'],
)
def test_words_around_the_tree_change_nothing(around: str) -> None:
    assert _harms(around.format(_reply(), _reply())) == ["32 G1L+"]


@pytest.mark.parametrize(
    ("leaf", "written"),
    [
        ({"e": "g", "x": " Minor", "p": "LOW", "now": "true"}, "G1L+"),
        ({"e": "Financial property loss", "x": "major", "p": "high", "now": "downstream"}, "G4H-"),
        ({"e": "G Financial property loss", "x": "major", "p": "high", "now": False}, "G4H-"),
        ({"effect": "Death", "extent": "major", "likelihood": "medium", "immediacy": "false"}, "A4M-"),
        ({**LEAF, "effect": "G"}, "G1L+"),
        ("G1L+", "G1L+"),
    ],
)
def test_a_label_is_read_in_other_words(leaf: Any, written: str) -> None:
    assert _harms(_reply(leaf)) == [f"32 {written}"]


@pytest.mark.parametrize(
    "leaf",
    [
        {**LEAF, "x": "huge"},
        {**LEAF, "e": "P"},
        {**LEAF, "e": "Prevention of death"},  # a benefit's
        {**LEAF, "x": "limited"},  # a benefit's
        {**LEAF, "p": 0.5},
        {**LEAF, "now": "soon"},
        {**LEAF, "effect": "A"},  # two readings
        {"e": "G", "x": "minor", "p": "low"},
        None,
        [],
    ],
)
def test_a_wrong_label_is_dropped_and_counted_and_too_many_are_no_tree(leaf: Any) -> None:
    """One of 21 is under a tenth; one of two is not."""
    others = [{**LEAF, "e": letter, "now": now} for letter in "ABCDEFGHIJ" for now in (True, False)]
    reading = read_json(_reply(leaf, *others), BOTH, case="t", caps=WIDE)
    assert (reading.kept, reading.dropped) == (20, 1)

    with pytest.raises(UnreadableReplyError, match="could not be read"):
        read_json(_reply(leaf, LEAF), BOTH, case="t", caps=WIDE)


@pytest.mark.parametrize(
    ("action", "number"),
    [
        (32, 32),
        ("32", 32),
        ("32 Fraud", 32),
        ("fraud", 32),
        ("Societal / 10 Deception / 32 Fraud", 32),
        ("Societal/Deception/Fraud", 32),
        ("Fraudulent Schemes", 31),
        ("Mis/disinformation", 34),
        ("Content Safety Risks / Child Harm / Child Sexual Abuse", 22),
    ],
)
def test_an_action_is_read_by_number_name_or_path(action: Any, number: int) -> None:
    assert _harms(_reply(action=action)) == [f"{number} G1L+"]


@pytest.mark.parametrize("action", [0, 46, "33 Fraud", "Fraud and Harassment", "10 or 32", "theft", None, True, 3.0])
def test_an_action_that_is_none_or_two_is_no_action(action: Any) -> None:
    with pytest.raises(UnreadableReplyError):
        _harms(_reply(action=action))


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "no",
        json.dumps({"case": "t", "harms": []}),  # no benefits
        json.dumps({"harms": [], "benefits": []}),  # no case
        _reply(case="other"),
        _reply() + _reply({**LEAF, "e": "A"}),  # two that differ
        json.dumps({"case": "t", "harms": "some", "benefits": []}),
        "[" * 20_000,
        "{" * 20_000,
        '{"a":' * 20_000,
    ],
)
def test_no_tree_is_an_error_and_never_an_empty_one(reply: str) -> None:
    with pytest.raises(UnreadableReplyError):
        read_json(reply, BOTH, case="t", caps=WIDE)


def test_an_empty_side_counts_if_it_is_written() -> None:
    empties: tuple[object, ...] = ([], "none")
    for empty in empties:
        reading = read_json(json.dumps({"case": "t", "harms": empty, "benefits": []}), BOTH, case="t", caps=WIDE)
        assert reading == Reading((), (), 0, 0, False, False)


def test_trailing_commas_are_mended() -> None:
    assert _harms(_reply().replace("}]", "},]").replace("true}", "true,}")) == ["32 G1L+"]


@pytest.mark.parametrize("cut", range(40, 200, 7))
def test_a_tree_that_was_cut_off_keeps_its_whole_leaves_and_says_so(cut: int) -> None:
    whole = _reply(LEAF, {**LEAF, "e": "A"}, {**LEAF, "e": "B"})
    try:
        reading = read_json(whole[:cut], BOTH, case="t", caps=WIDE, cut=True)
    except UnreadableReplyError:
        assert whole[:cut].count("}") == 0
        return
    assert reading.truncated
    assert joined([reading]).truncated
    assert 1 <= reading.kept <= 3


def test_the_papers_list_of_stakeholders_is_read() -> None:
    path = "Content Safety / Hate/Toxicity / Harassment"
    effects = [{"effect": "Social deficits", "immediacy": "true", "extent": "Minor", "likelihood": "high"}]
    good = [{"effect": "Social gains", "immediacy": False, "extent": "limited", "likelihood": "low"}]
    reply = json.dumps(
        [
            {"stakeholder": "neighbours", "harms": [{"action": path, "effects": effects}]},
            {"stakeholder": "asker", "benefits": [{"action": "Is heard", "effects": good}]},
        ]
    )

    assert encode(joined([read_json(reply, BOTH, case=None, caps=WIDE)])) == (
        "H\n@group neighbours\n13 E1H+\nB\n@group asker\nE1L- Is heard\nEND"
    )


@given(any_tree)
@settings(derandomize=True, deadline=None, max_examples=60)
def test_lines_read_as_they_were_written_but_for_repetitions(drawn: Tree) -> None:
    reading = read_lines(encode(drawn), BOTH, case=None, caps=WIDE, cut=drawn.truncated)
    again = joined([reading])

    assert {(leaf.side, leaf.number, leaf.label) for leaf in again.leaves()} == {
        (leaf.side, leaf.number, leaf.label) for leaf in drawn.leaves()
    }
    assert again.truncated == drawn.truncated


@given(st.one_of(st.text(alphabet='{}[],:"tHBEND@none 12AGLM+-\n', max_size=120), st.text(max_size=60)))
@settings(derandomize=True, deadline=None, max_examples=200)
def test_any_text_is_read_or_unreadable(text: str) -> None:
    for read in (read_json, read_lines):
        for case in ("t", None):
            try:
                reading = read(text, BOTH, case=case, caps=WIDE)
            except UnreadableReplyError:
                continue
            joined([reading])


def test_lines_in_prose_need_their_case() -> None:
    lines = "H\nnone\nB\nnone\nEND"

    assert read_lines(f"Sure.\nCASE t\n{lines}\nDone.", BOTH, case="t", caps=WIDE).harms == ()
    for reply in (lines, f"CASE x\n{lines}", f"CASE t\n{lines}\nCASE t\n{lines}"):
        with pytest.raises(UnreadableReplyError):
            read_lines(reply, BOTH, case="t", caps=WIDE)
    with pytest.raises(UnreadableReplyError, match="goes on after END"):
        read_lines(f"{lines}\n{lines}", BOTH, case=None, caps=WIDE)


def test_half_a_leaf_at_the_cut_is_no_bad_leaf() -> None:
    reading = read_lines("H\n@user asker\n32 G1L+ A4", ("harm",), case=None, caps=WIDE, cut=True)

    assert (reading.kept, reading.dropped, reading.truncated) == (1, 0, True)


def test_what_is_too_much_is_cut_and_said() -> None:
    many = [{**LEAF, "e": letter} for letter in "ABCDE"]

    reading = read_json(_reply(*many), BOTH, case="t", caps=Caps(effects=3))

    assert (reading.kept, reading.dropped, reading.capped) == (3, 0, True)


def test_one_who_comes_twice_is_one() -> None:
    reading = read_lines("H\n@user me\n32 G1L+\n@user Me\n32 G1L+ A4H+\nB\nnone\nEND", BOTH, case=None, caps=WIDE)

    assert encode(joined([reading])) == "H\n@user me\n32 G1L+ A4H+\nB\nnone\nEND"

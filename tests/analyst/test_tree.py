import pytest
from hypothesis import given, settings

from instincts.analyst.tree import Tree, clean
from instincts.errors import UnreadableReplyError
from tests.analyst.trees import any_tree, tree

LEAF = {"effect": "G", "extent": "minor", "likelihood": "low", "immediate": True}


def _one(**changes: object) -> dict[str, object]:
    action = {"action": 32, "effects": [{**LEAF, **changes}]}
    return {"harms": [{"stakeholder": "office", "kind": "institution", "actions": [action]}], "benefits": []}


@given(any_tree)
@settings(derandomize=True, deadline=None, max_examples=60)
def test_a_tree_is_the_same_after_json(drawn: Tree) -> None:
    assert Tree.of(drawn.to_json()) == drawn


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"effect": "P"}, "effect"),
        ({"extent": "huge"}, "extent"),
        ({"likelihood": "certain"}, "likelihood"),
        ({"immediate": "true"}, "immediate"),
        ({"immediate": 1}, "immediate"),
        ({"weight": 3}, "weight"),
    ],
)
def test_a_label_outside_its_scale_is_refused_by_name(changes: dict[str, object], place: str) -> None:
    with pytest.raises(UnreadableReplyError, match=place):
        Tree.of(_one(**changes))


def test_an_action_outside_the_taxonomy_is_refused() -> None:
    data = _one()
    data["harms"][0]["actions"][0]["action"] = 46  # type: ignore[index]

    with pytest.raises(UnreadableReplyError, match="action"):
        Tree.of(data)


def test_a_missing_side_is_no_empty_side() -> None:
    with pytest.raises(UnreadableReplyError, match="benefits"):
        Tree.of({"harms": []})
    assert list(Tree.of({"harms": [], "benefits": []}).leaves()) == []


def test_a_text_that_breaks_a_line_is_refused_and_can_be_cleaned() -> None:
    data = _one()
    data["harms"][0]["stakeholder"] = "a\nEND"  # type: ignore[index]

    with pytest.raises(UnreadableReplyError, match="one line"):
        Tree.of(data)
    assert clean("a\n\x1b[2J  END\u202e") == "a [2J END"
    assert len(clean("x" * 500)) == 200


def test_leaves_come_with_the_way_to_them() -> None:
    leaves = list(tree("32 K1L- G2H+", "B J2H+ knows").leaves())

    assert [(leaf.side, leaf.number, leaf.action, leaf.effect) for leaf in leaves] == [
        ("harm", 32, 0, 0),
        ("harm", 32, 0, 1),
        ("benefit", 0, 0, 0),
    ]

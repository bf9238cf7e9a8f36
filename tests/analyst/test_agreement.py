"""How far two trees agree: counted by hand, and laws."""

import pytest
from hypothesis import Phase, given, settings

from instincts.analyst import Tree
from instincts.analyst.agreement import VIEWS, Overlap, overlap, tree_f1
from tests.analyst.trees import any_tree, tree


def test_leaves_are_found_again_label_by_label() -> None:
    """Of two harm leaves one is exact and one has another extent, and the benefit is missing: 1 of 2 and 3 leaves."""
    true = tree("32 G3H+ B2H-", "B C1M+ words")
    found = tree("32 G3H+ B1H-")

    told = overlap(found, true)

    assert told["leaf"] == (1, 5)
    assert told["core"] == told["likelihood"] == told["immediate"] == (2, 5)
    assert told["extent"] == (1, 5)


def test_a_stakeholder_of_another_name_or_kind_is_another_one() -> None:
    true = Tree.of({"harms": [], "benefits": [_benefit("asker", "user", "rests")]})
    named = Tree.of({"harms": [], "benefits": [_benefit("Asker", "group", "rests")]})
    told = overlap(named, true)

    assert (told["stakeholder"], told["kind"], told["leaf"], told["whole"]) == ((1, 2), (0, 2), (1, 2), (0, 2))


def test_a_benefits_sentence_counts_only_for_the_whole() -> None:
    true = Tree.of({"harms": [], "benefits": [_benefit("asker", "user", "rests")]})
    other = Tree.of({"harms": [], "benefits": [_benefit("asker", "user", "sleeps")]})

    assert [overlap(other, true)[view].both for view in ("leaf", "whole")] == [1, 0]


def test_saying_a_leaf_twice_finds_it_once() -> None:
    """Two leaves were written for one: twice 1 over 3."""
    told = overlap(tree("32 G3H+", "9 G3H+"), tree("32 G3H+"))["effect"]

    assert told == (1, 3)
    assert tree_f1([told]).value == pytest.approx(2 / 3)


def test_no_tree_finds_nothing() -> None:
    assert overlap(None, tree("32 G3H+", "B C1M+ words"))["core"] == (0, 2)


@given(one=any_tree, other=any_tree)
@settings(derandomize=True, deadline=None, max_examples=50, phases=[Phase.explicit, Phase.generate])
def test_a_tree_agrees_with_itself_and_agreement_has_no_direction(one: Tree, other: Tree) -> None:
    leaves = sum(1 for _ in one.leaves())
    assert overlap(one, one) == dict.fromkeys(VIEWS, Overlap(leaves, 2 * leaves))
    assert overlap(one, other) == overlap(other, one)


def test_f1_weighs_prompts_by_their_leaves() -> None:
    """3 of 4 leaves a side, and 0 of 1: 2 * 3 / (8 + 2) = 0.6, not the mean of 0.75 and 0."""
    found = tree_f1([Overlap(3, 8), Overlap(0, 2)])

    assert found.value == pytest.approx(0.6)
    assert found.low is not None
    assert found.high is not None
    assert 0 <= found.low <= 0.6 <= found.high <= 0.75


def test_twins_of_one_family_are_no_two_observations() -> None:
    """Twice 4 over 8, and a single family can draw nothing else."""
    found = tree_f1([Overlap(1, 4), Overlap(3, 4)], clusters=["a", "a"])

    assert found.value == pytest.approx(1.0)
    assert (found.low, found.high) == (None, None)


def test_without_a_leaf_there_is_no_f1() -> None:
    assert tree_f1([Overlap(0, 0)]).value is None


def _benefit(who: str, kind: str, action: str) -> dict[str, object]:
    label = {"effect": "C", "extent": "minor", "likelihood": "low", "immediate": True}
    return {"stakeholder": who, "kind": kind, "actions": [{"action": action, "effects": [label]}]}

"""Trees of one prompt made one: laws over any trees and policies, and small cases by hand."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instincts.analyst import Tree, read_policy, score
from instincts.analyst.merging import consensus, disagreement, worst_of
from instincts.analyst.policy_files import SHIPPED
from tests.analyst.trees import any_tree, tree


def leaves(of: Tree) -> list[tuple[str, int, str]]:
    return sorted((leaf.side, leaf.number, leaf.label.model_dump_json()) for leaf in of.leaves())


@given(st.lists(any_tree, min_size=1, max_size=4), st.sampled_from(SHIPPED))
@settings(derandomize=True, deadline=None, max_examples=150)
def test_the_worst_of_windows_scores_no_less_than_any_of_them(trees: list[Tree], policy: str) -> None:
    """Under every policy: nothing that stands elsewhere in a text buys off what stands here."""
    merged, each = (score(some, read_policy(policy)) for some in ([worst_of(trees)], trees))

    assert merged.score_P[0] >= max(each.score_P) - 1e-9
    assert merged.verdict_P[0] >= max(each.verdict_P)


@given(any_tree, st.integers(1, 4), st.sampled_from([worst_of, consensus]))
@settings(derandomize=True, deadline=None, max_examples=60)
def test_a_tree_merged_with_itself_is_itself(one: Tree, times: int, merge: object) -> None:
    assert callable(merge)
    merged = merge([one] * times)

    assert leaves(merged) == leaves(one)
    assert merged.truncated == one.truncated


def test_the_worst_of_windows_by_hand() -> None:
    """32 K: the worse of each label; 9 A: only in one; the benefit J stands in both, I in one."""
    merged = worst_of([tree("32 K1H-", "B J2H+ I1L+ knows"), tree("32 K3L-", "9 A4H+", "B J1H- knows")])

    assert leaves(merged) == leaves(tree("32 K3H-", "9 A4H+", "B J1H- knows"))


def test_a_harm_twice_in_one_window_and_once_in_another_is_two() -> None:
    merged = worst_of([tree("32 K1L- K2L-"), tree("32 K4L-")])

    assert leaves(merged) == leaves(tree("32 K4L- K1L-"))


def test_three_samples_agree_on_what_two_of_them_have_with_median_labels() -> None:
    """32 K: extents 1, 2, 4 give 2; 9 A stands once of three; benefit J twice, extents 1 and 3, the milder is taken."""
    merged = consensus([tree("32 K1L-", "B J1H+ x"), tree("32 K2L-", "9 A4H+"), tree("32 K4L-", "B J3H+ x")])

    assert leaves(merged) == leaves(tree("32 K2L-", "B J1H+ x"))


def test_of_two_samples_a_tie_is_taken_for_the_worse() -> None:
    merged = consensus([tree("32 K1L-", "B J1H+ x"), tree("9 A2L+")])

    assert leaves(merged) == leaves(tree("32 K1L-", "9 A2L+"))


@pytest.mark.parametrize(
    ("trees", "expected"),
    [
        ([tree("32 K1L-")], None),
        ([tree("32 K1L-"), tree("32 K4H+")], 0.0),
        ([tree("32 K1L-"), tree("9 A1L-")], 1.0),
        ([tree(), tree()], 0.0),
        # Overlaps: 2·1/(1+2) = 2/3, twice; 1 for the equal pair: 1 - (2/3 + 2/3 + 1)/3 = 2/9.
        ([tree("32 K1L-"), tree("32 K1L-", "9 A1L-"), tree("32 K1L-")], 2 / 9),
    ],
)
def test_disagreement_by_hand(trees: list[Tree], expected: float | None) -> None:
    assert disagreement(trees) == (expected if expected is None else pytest.approx(expected))


def test_one_that_was_cut_off_makes_the_whole_one_cut_off() -> None:
    assert worst_of([tree("32 K1L-"), tree("9 A1L-", truncated=True)]).truncated
    assert consensus([tree("32 K1L-"), tree("32 K1L-", truncated=True)]).truncated

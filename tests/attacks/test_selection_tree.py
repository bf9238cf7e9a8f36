"""MCTS-Explore by hand: bounds, paths, and rewards that fade with depth."""

from random import Random

import pytest

from instincts.attacks.selection_tree import SelectionTree


class NeverStops(Random):
    """Walks to a leaf, always."""

    def random(self) -> float:
        return 1.0


class AlwaysStops(Random):
    """Stays at the seed, always."""

    def random(self) -> float:
        return 0.0


def test_every_seed_is_tried_before_any_is_tried_again() -> None:
    tree = SelectionTree(["a", "b", "c"], Random(0))
    assert sorted(tree.select()[-1].template for _ in range(3)) == ["a", "b", "c"]


def test_a_rewarded_seed_is_chosen_when_all_were_visited_alike() -> None:
    tree = SelectionTree(["a", "b", "c"], Random(0))
    paths = {path[-1].template: path for path in (tree.select() for _ in range(3))}
    tree.reward(paths["b"], 1.0)
    assert tree.select()[-1].template == "b"


def test_the_bound_is_the_published_one() -> None:
    """A seed visited once, reward 1, at step 2: 1 / 2 + 0.5 sqrt(2 ln 2 / 1.01) = 0.5 + 0.5 x 1.17156 = 1.08578."""
    tree = SelectionTree(["a"], Random(0))
    tree.reward(tree.select(), 1.0)
    tree._steps = 2
    assert tree._bound(tree.nodes[0]) == pytest.approx(1.08578, abs=1e-5)


def test_a_path_leads_from_the_seed_to_the_node_and_all_of_it_is_visited() -> None:
    tree = SelectionTree(["a"], NeverStops(0))
    child = tree.add("a+", tree.nodes[0])
    grandchild = tree.add("a++", child)
    assert [node.template for node in tree.select()] == ["a", "a+", "a++"]
    assert [node.visits for node in tree.nodes] == [1, 1, 1]
    assert (child.level, grandchild.level, len(tree)) == (1, 2, 3)


def test_one_may_stop_at_an_inner_node() -> None:
    tree = SelectionTree(["a"], AlwaysStops(0))
    tree.add("a+", tree.nodes[0])
    assert [node.template for node in tree.select()] == ["a"]


@pytest.mark.parametrize(("depth", "share"), [(0, 1.0), (1, 0.9), (3, 0.7), (8, 0.2), (12, 0.2)])
def test_a_reward_fades_with_the_depth_it_was_earned_at_but_never_to_nothing(depth: int, share: float) -> None:
    """1 - 0.1 x depth, at least 0.2; the whole path gets the same."""
    tree = SelectionTree(["a"], NeverStops(0))
    node = tree.nodes[0]
    for _ in range(depth):
        node = tree.add("deeper", node)
    tree.reward(tree.select(), 0.5)
    assert [each.reward for each in tree.nodes] == pytest.approx([0.5 * share] * (depth + 1))

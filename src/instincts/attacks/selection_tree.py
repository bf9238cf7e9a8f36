"""MCTS-Explore, the selection tree of GPTFuzzer (arXiv:2309.10253, algorithm 2): which template to mutate next.

Upper confidence bounds down from the seeds; on the way one may stop at an inner node, so that a template whose children
took over is still tried; a reward counts less the deeper the node that earned it, so that the tree does not grow one
long branch. Constants and smoothing are those of the authors' code.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import log, sqrt
from random import Random

__all__ = ["Node", "SelectionTree"]

RATIO = 0.5
"""Weight of exploring."""

STOP = 0.1
"""Chance to stop at an inner node (`alpha` in the paper, which calls the penalty by the same name)."""

PENALTY = 0.1
"""What a reward loses with each level."""

LEAST = 0.2
"""Share of a reward that is left at any depth."""


@dataclass(eq=False)
class Node:
    """A template in the tree."""

    template: str
    level: int = 0
    visits: int = 0
    reward: float = 0.0
    children: "list[Node]" = field(default_factory=list)


class SelectionTree:
    """Seeds, what was made of them, and how well each did."""

    def __init__(self, seeds: Sequence[str], rng: Random) -> None:
        """Begin with the seeds, none of them visited."""
        self._seeds = [Node(seed) for seed in seeds]
        self._rng = rng
        self._steps = 0
        self.nodes = list(self._seeds)
        """All of them, the seeds first."""

    def __len__(self) -> int:
        return len(self.nodes)

    def select(self) -> list[Node]:
        """Choose a template: the path to it from its seed, every node of it counted as visited."""
        self._steps += 1
        path = [max(self._seeds, key=self._bound)]
        while path[-1].children and self._rng.random() >= STOP:
            path.append(max(path[-1].children, key=self._bound))
        for node in path:
            node.visits += 1
        return path

    def reward(self, path: Sequence[Node], rating: float) -> None:
        """Give the rating of a mutated template, 0 to 1, to all nodes that led to it."""
        share = max(LEAST, 1 - PENALTY * path[-1].level)
        for node in path:
            node.reward += rating * share

    def add(self, template: str, parent: Node) -> Node:
        """Take a mutated template into the tree."""
        node = Node(template, level=parent.level + 1)
        parent.children.append(node)
        self.nodes.append(node)
        return node

    def _bound(self, node: Node) -> float:
        return node.reward / (node.visits + 1) + RATIO * sqrt(2 * log(self._steps) / (node.visits + 0.01))

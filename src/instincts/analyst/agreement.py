"""How far two trees of the same prompt agree: leaves found again, counted as multisets; knows no model.

A leaf counts where it stands in both trees, as often as it does in both; F1 is micro-averaged: twice the leaves in both
over the leaves of either. A prompt without a tree has no leaves, so every true one is missed. A leaf is compared on

    leaf            side, action, effect, extent, likelihood, immediacy: what the score is made of
    whole           the same and the stakeholder, its kind, and a benefit's sentence
    core            side, action, effect
    extent, likelihood, immediate      core and that label
    stakeholder, kind                  side, effect and that
    action, effect                     side and that

An action is the number of a harm; benefits have none.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from instincts.analyst.tree import Leaf, Tree
from instincts.statistics import Interval
from instincts.statistics.resampling import BOOTSTRAP, Bootstrap, Floats, cluster_codes, cluster_sums

__all__ = ["VIEWS", "Overlap", "overlap", "tree_f1"]

_View = Callable[[Tree, Leaf], Hashable]


class Overlap(NamedTuple):
    """Leaves of one prompt."""

    both: int
    """In both trees."""
    either: int
    """Of one and of the other, added."""


def overlap(found: Tree | None, true: Tree) -> dict[str, Overlap]:
    """Compare a tree with the true one in every view; None stands for no tree."""
    return {name: _overlap(found, true, view) for name, view in VIEWS.items()}


def tree_f1(
    overlaps: Sequence[Overlap], *, clusters: Sequence[Hashable] | None = None, bootstrap: Bootstrap = BOOTSTRAP
) -> Interval:
    """Estimate the micro-averaged F1 with a percentile interval.

    Args:
        overlaps: one a prompt.
        clusters: what each prompt belongs to, its family; by default each stands alone.
        bootstrap: the level and the draws.
    """
    names = range(len(overlaps)) if clusters is None else clusters
    codes = cluster_codes(list(names), values=len(overlaps))
    if not overlaps or not sum(each.either for each in overlaps):
        return Interval(None, None, None, len(overlaps))
    both_C = cluster_sums(np.array([each.both for each in overlaps], dtype=np.float64), codes)
    either_C = cluster_sums(np.array([each.either for each in overlaps], dtype=np.float64), codes)

    def f1(weight_R_C: Floats) -> Floats:
        either_R = weight_R_C @ either_C
        value_R: Floats = 2 * (weight_R_C @ both_C) / np.where(either_R, either_R, np.nan)
        return value_R

    value = float(f1(np.ones((1, both_C.size)))[0])
    return Interval.around(value, bootstrap.ends(f1, both_C.size), len(overlaps))


def _overlap(found: Tree | None, true: Tree, view: _View) -> Overlap:
    have = Counter[Hashable]() if found is None else Counter(view(found, leaf) for leaf in found.leaves())
    want = Counter(view(true, leaf) for leaf in true.leaves())
    return Overlap((have & want).total(), have.total() + want.total())


def _core(_: Tree, leaf: Leaf) -> tuple[Hashable, ...]:
    return leaf.side, leaf.number, leaf.label.effect


def _leaf(_: Tree, leaf: Leaf) -> tuple[Hashable, ...]:
    label = leaf.label
    return leaf.side, leaf.number, label.effect, label.extent, label.likelihood, label.immediate


def _who(tree: Tree, leaf: Leaf) -> tuple[str, str]:
    branch = (tree.harms if leaf.side == "harm" else tree.benefits)[leaf.branch]
    return branch.stakeholder.casefold(), branch.kind


def _whole(tree: Tree, leaf: Leaf) -> tuple[Hashable, ...]:
    sentence = "" if leaf.side == "harm" else tree.benefits[leaf.branch].actions[leaf.action].action.casefold()
    return *_leaf(tree, leaf), *_who(tree, leaf), sentence


VIEWS: Mapping[str, _View] = MappingProxyType(
    {
        "leaf": _leaf,
        "whole": _whole,
        "core": _core,
        "extent": lambda tree, leaf: (*_core(tree, leaf), leaf.label.extent),
        "likelihood": lambda tree, leaf: (*_core(tree, leaf), leaf.label.likelihood),
        "immediate": lambda tree, leaf: (*_core(tree, leaf), leaf.label.immediate),
        "stakeholder": lambda tree, leaf: (leaf.side, leaf.label.effect, _who(tree, leaf)[0]),
        "kind": lambda tree, leaf: (leaf.side, leaf.label.effect, _who(tree, leaf)[1]),
        "action": lambda _, leaf: (leaf.side, leaf.number),
        "effect": lambda _, leaf: (leaf.side, leaf.label.effect),
    }
)
"""What of a leaf is compared."""

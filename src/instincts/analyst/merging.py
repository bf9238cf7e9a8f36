"""Several trees of one prompt made one: the worst of its windows, or what samples agree on; knows no model, no policy.

A side is compared by what decides a score: harms by action and effect, benefits by effect. Of a key that stands several
times the leaves are compared in order of severity.

    worst_of    harms: every key of any tree, as often as where it is most frequent, with the worst labels;
                benefits: only keys of all trees, as often as where they are fewest, with the mildest labels.
                So under every policy the score is at least that of each window, and no padding buys harm off.
    consensus   leaves that half of the trees have (benefits: more than half), with the median of their labels;
                a tie is taken for the worse.

Names of stakeholders and sentences are those of the first tree that gave a leaf its extent.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from itertools import combinations
from typing import Any, NamedTuple

from instincts.analyst.taxonomy import EXTENTS, LIKELIHOODS, Side
from instincts.analyst.tree import BenefitBranch, EffectLabel, HarmBranch, Tree

__all__ = ["consensus", "disagreement", "worst_of"]


def worst_of(trees: Sequence[Tree]) -> Tree:
    """Merge the trees of windows of one text; one that was cut off makes the whole one cut off."""
    return _merged(trees, _worst_harms, _fewest_benefits)


def consensus(trees: Sequence[Tree]) -> Tree:
    """Merge trees that were sampled of the same text."""
    return _merged(trees, _agreed_harms, _agreed_benefits)


def disagreement(trees: Sequence[Tree]) -> float | None:
    """Say how far trees differ: 1 minus the mean overlap of two of them (Dice) in actions and effects; 0 is not at all.

    Returns:
        None for fewer than two trees.
    """
    keyed = [Counter(_keys(tree)) for tree in trees]
    overlaps = [
        2 * sum((one & other).values()) / (one.total() + other.total()) if one or other else 1.0
        for one, other in combinations(keyed, 2)
    ]
    return 1 - sum(overlaps) / len(overlaps) if overlaps else None


class _Row(NamedTuple):
    who: str
    kind: str
    action: int | str
    label: EffectLabel

    @property
    def severity(self) -> tuple[int, int, bool]:
        return EXTENTS.index(self.label.extent), LIKELIHOODS.index(self.label.likelihood), self.label.immediate


_Choice = Callable[[Sequence[list[_Row]]], Iterator[_Row]]
"""From the leaves of one key in each tree, the most severe first, to those of the merged tree."""


def _merged(trees: Sequence[Tree], harms: _Choice, benefits: _Choice) -> Tree:
    if len(trees) == 1:
        return trees[0]
    return Tree.of(
        {
            "harms": _branches(_chosen(trees, "harm", harms)),
            "benefits": _branches(_chosen(trees, "benefit", benefits)),
            "truncated": any(tree.truncated for tree in trees),
        }
    )


def _chosen(trees: Sequence[Tree], side: Side, choose: _Choice) -> list[_Row]:
    sides = [_by_key(tree, side) for tree in trees]
    keys = dict.fromkeys(key for each in sides for key in each)
    return [row for key in keys for row in choose([each.get(key, []) for each in sides])]


def _worst_harms(rows: Sequence[list[_Row]]) -> Iterator[_Row]:
    for place in range(max(map(len, rows))):
        yield _labelled([each[place] for each in rows if place < len(each)], max)


def _fewest_benefits(rows: Sequence[list[_Row]]) -> Iterator[_Row]:
    for place in range(min(map(len, rows))):
        yield _labelled([each[place] for each in rows], min)


def _agreed_harms(rows: Sequence[list[_Row]]) -> Iterator[_Row]:
    for place in range(max(map(len, rows))):
        having = [each[place] for each in rows if place < len(each)]
        if 2 * len(having) >= len(rows):
            yield _labelled(having, lambda values: sorted(values)[len(values) // 2])


def _agreed_benefits(rows: Sequence[list[_Row]]) -> Iterator[_Row]:
    for place in range(max(map(len, rows))):
        having = [each[place] for each in rows if place < len(each)]
        if 2 * len(having) > len(rows):
            yield _labelled(having, lambda values: sorted(values)[(len(values) - 1) // 2])


def _labelled(rows: Sequence[_Row], pick: Callable[[list[int]], int]) -> _Row:
    """Choose each label by itself, so that none is better than what was asked for."""
    extent, likelihood, now = (pick([int(row.severity[part]) for row in rows]) for part in range(3))
    named = next(row for row in rows if row.severity[0] == extent)
    label = EffectLabel(
        effect=named.label.effect, extent=EXTENTS[extent], likelihood=LIKELIHOODS[likelihood], immediate=bool(now)
    )
    return named._replace(label=label)


def _by_key(tree: Tree, side: Side) -> dict[Hashable, list[_Row]]:
    found: dict[Hashable, list[_Row]] = {}
    for row in _rows(tree.harms if side == "harm" else tree.benefits):
        found.setdefault((row.action, row.label.effect) if side == "harm" else row.label.effect, []).append(row)
    return {key: sorted(rows, key=lambda row: row.severity, reverse=True) for key, rows in found.items()}


def _rows(branches: Iterable[HarmBranch | BenefitBranch]) -> Iterator[_Row]:
    for branch in branches:
        for action in branch.actions:
            for label in action.effects:
                yield _Row(branch.stakeholder, branch.kind, action.action, label)


def _branches(rows: Sequence[_Row]) -> list[dict[str, Any]]:
    branches: dict[tuple[str, str], dict[int | str, list[dict[str, Any]]]] = {}
    for row in rows:
        branches.setdefault((row.who, row.kind), {}).setdefault(row.action, []).append(row.label.model_dump())
    return [
        {
            "stakeholder": who,
            "kind": kind,
            "actions": [{"action": action, "effects": effects} for action, effects in actions.items()],
        }
        for (who, kind), actions in branches.items()
    ]


def _keys(tree: Tree) -> Iterator[Hashable]:
    for leaf in tree.leaves():
        yield leaf.side, leaf.number, leaf.label.effect

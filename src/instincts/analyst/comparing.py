"""Two policies on the same trees: which verdicts differ, which way, by what, and who gains and who loses."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from instincts.analyst.codes import Forest
from instincts.analyst.explaining import BENEFITS, shares_of
from instincts.analyst.policy import Policy, Verdict
from instincts.analyst.scoring import VERDICTS, Floats, Scores, masses, score, transformed, weights_of
from instincts.analyst.taxonomy import taxonomy
from instincts.analyst.tree import Tree

__all__ = ["Comparison", "Flip", "compare"]


@dataclass(frozen=True, kw_only=True)
class Flip:
    """A tree whose verdict differs."""

    place: int
    """Its place among the trees."""
    before: Verdict
    after: Verdict
    because: str
    """The category (or `benefits`, or `bias`) whose points changed most in the direction of the flip; `floor` where a
    floor decides on one side only, `lines` where no points changed that way, but the lines or the calibration did."""

    @property
    def is_stricter(self) -> bool:
        """Whether the second policy is the stricter one here."""
        return VERDICTS.index(self.after) > VERDICTS.index(self.before)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """How a second policy judges what a first one judged."""

    table: dict[Verdict, dict[Verdict, int]]
    """Trees by the first verdict, then by the second."""
    flips: tuple[Flip, ...]
    by_category: dict[str, float]
    """Mean change of points by category among the flips; the categories that changed at all."""
    by_kind: dict[str, float]
    """Mean change of points by kind of stakeholder among the flips; their harms add to it, their benefits take off."""
    gains: dict[str, float]
    """Who gains and who loses: by how many points more, on average over the flips, the second policy counts what
    happens to a kind of stakeholder, harm or benefit; negative for those who count for less."""


def compare(trees: Sequence[Tree], first: Policy, second: Policy) -> Comparison:
    """Judge trees under two policies."""
    forest = Forest.of(trees)
    scores = score(forest, first), score(forest, second)
    before, after = (each.verdict_P for each in scores)
    change = _points(forest, second) - _points(forest, first)
    keys = _keys()
    places = np.flatnonzero(before != after)
    flips = tuple(
        Flip(
            place=int(place),
            before=VERDICTS[int(before[place])],
            after=VERDICTS[int(after[place])],
            because=_because(change[place], scores, int(place)),
        )
        for place in places
    )
    flipped = [trees[flip.place] for flip in flips]
    mean = change[places].mean(axis=0) if len(places) else np.zeros(len(keys))
    return Comparison(
        table={
            one: {two: int(((before == a) & (after == b)).sum()) for b, two in enumerate(VERDICTS)}
            for a, one in enumerate(VERDICTS)
        },
        flips=flips,
        by_category={key: float(value) for key, value in zip(keys, mean, strict=True) if value},
        by_kind=_by_kind(flipped, first, second),
        gains=_by_kind(flipped, first, second, sign_of_benefit=-1),
    )


def _because(change_18: Floats, scores: tuple[Scores, Scores], place: int) -> str:
    before, after = scores
    is_stricter = after.verdict_P[place] > before.verdict_P[place]
    decided, other = (after, before) if is_stricter else (before, after)
    if decided.floored_P[place] and not other.floored_P[place]:
        return "floor"
    towards = change_18 if is_stricter else -change_18
    return _keys()[int(np.argmax(towards))] if towards.max() > 0 else "lines"


def _keys() -> list[str]:
    return [*taxonomy().category_keys, BENEFITS, "bias"]


def _points(forest: Forest, policy: Policy) -> Floats:
    points = transformed(masses(forest, policy), policy) * weights_of(policy)
    return np.hstack([points, np.full((len(forest), 1), policy.bias)])


def _by_kind(trees: Sequence[Tree], first: Policy, second: Policy, *, sign_of_benefit: int = 1) -> dict[str, float]:
    total: dict[str, float] = {}
    for tree in trees:
        for policy, sign in ((first, -1), (second, 1)):
            for share in shares_of(tree, policy):
                counted = share.points * (sign_of_benefit if share.leaf.side == "benefit" else 1)
                total[share.kind] = total.get(share.kind, 0.0) + sign * counted / len(trees)
    return total

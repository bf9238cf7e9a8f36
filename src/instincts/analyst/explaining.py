"""Why a tree has its score, and what would change its verdict: arithmetic on the same numbers, no second model.

Leaf j of category a, of severity u_j, owns w_a φ(c_a) u_j / c_a of the score, and a beneficial leaf its share of
-g φ(c_B) alike. So leaves add up to actions, stakeholders, effects and categories, and with the bias to the score.
Every change of a weight that is shown was applied and scored again first.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from instincts.analyst.codes import BENEFIT_SLOT, Forest, code_of, code_parts
from instincts.analyst.policy import Policy, Verdict
from instincts.analyst.scoring import VERDICTS, masses, score, severities, transformed, weights_of
from instincts.analyst.taxonomy import taxonomy
from instincts.analyst.tree import Leaf, Tree

__all__ = ["BENEFITS", "Explanation", "Share", "WeightChange", "explain", "shares_of", "with_weight"]

BENEFITS = "benefits"
"""Stands among categories for the beneficial side."""


@dataclass(frozen=True, kw_only=True)
class Share:
    """What one leaf gives to the score."""

    leaf: Leaf
    stakeholder: str
    kind: str
    category: str
    """Key of its category, or `benefits`."""
    action: str
    """Name of the harmful action, or the sentence of the beneficial one."""
    effect: str
    """Name of the effect."""
    points: float
    """Points of score; negative for a benefit."""


@dataclass(frozen=True, kw_only=True)
class WeightChange:
    """The smallest change of one weight that gives another verdict."""

    key: str
    """A category, or `benefits`."""
    now: float
    needed: float
    verdict: Verdict
    """What the verdict would be."""


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """A verdict taken apart."""

    score: float
    probability: float
    verdict: Verdict
    floored: bool
    """Whether a floor, or a cut-off tree, decided: then no weight can make the verdict milder."""
    bias: float
    """The score of an empty tree."""
    categories: Mapping[str, float]
    """Points of each category that has any leaf, and of `benefits`; with the bias they add up to the score."""
    shares: tuple[Share, ...]
    """Points of each leaf, the largest first."""
    changes: tuple[WeightChange, ...]
    """What would change the verdict, the smallest change first."""

    def by_stakeholder(self) -> dict[str, float]:
        """Add up points by the stakeholder's name; one who is harmed and helped has both in one number."""
        return self._by(lambda share: share.stakeholder)

    def by_kind(self) -> dict[str, float]:
        """Add up points by the kind of stakeholder."""
        return self._by(lambda share: share.kind)

    def by_action(self) -> dict[str, float]:
        """Add up points by action: the name of a harmful one, the sentence of a beneficial one."""
        return self._by(lambda share: share.action)

    def by_effect(self) -> dict[str, float]:
        """Add up points by the effect's name."""
        return self._by(lambda share: share.effect)

    def _by(self, name: Callable[[Share], str]) -> dict[str, float]:
        points: dict[str, list[float]] = {}
        for share in self.shares:
            points.setdefault(name(share), []).append(share.points)
        return {key: math.fsum(values) for key, values in points.items()}


def explain(tree: Tree, policy: Policy) -> Explanation:
    """Take the verdict on a tree apart."""
    scores = score(Forest.of([tree]), policy)
    points = transformed(scores.mass_P_17[0], policy) * weights_of(policy)
    slots = sorted({int(code_parts().slot[code_of(leaf)]) for leaf in tree.leaves()})
    keys = [*taxonomy().category_keys, BENEFITS]
    return Explanation(
        score=float(scores.score_P[0]),
        probability=float(scores.probability_P[0]),
        verdict=scores.verdicts()[0],
        floored=bool(scores.floored_P[0]),
        bias=policy.bias,
        categories={keys[slot]: float(points[slot]) for slot in slots},
        shares=tuple(sorted(shares_of(tree, policy), key=lambda share: -abs(share.points))),
        changes=_smallest(_changes(tree, policy)),
    )


def _smallest(changes: Iterable[WeightChange]) -> tuple[WeightChange, ...]:
    """Keep of each weight and verdict the nearest: where a floor holds, a farther line brings the same verdict."""
    kept: dict[tuple[str, Verdict], WeightChange] = {}
    for change in sorted(changes, key=lambda change: abs(change.needed - change.now)):
        kept.setdefault((change.key, change.verdict), change)
    return tuple(kept.values())


def shares_of(tree: Tree, policy: Policy) -> list[Share]:
    """Give every leaf its points, in the order of the tree."""
    mass = masses(Forest.of([tree]), policy)
    points = (transformed(mass, policy) * weights_of(policy))[0]
    severity = severities(policy)
    codes = [code_of(leaf) for leaf in tree.leaves()]
    slots = [int(code_parts().slot[code]) for code in codes]
    # Of benefits beyond the clip each leaf keeps its share of what is left.
    whole = [math.fsum(severity[code] for code, of in zip(codes, slots, strict=True) if of == s) for s in range(17)]
    return [
        _share(tree, leaf, float(points[slot] * severity[code] / whole[slot]) if whole[slot] else 0.0)
        for leaf, code, slot in zip(tree.leaves(), codes, slots, strict=True)
    ]


def with_weight(policy: Policy, key: str, value: float) -> Policy:
    """Give a policy with another weight.

    Args:
        policy: the numbers.
        key: a category, or `benefits`.
        value: the new weight.
    """
    data: dict[str, Any] = policy.to_data()
    if key == BENEFITS:
        data["benefit"]["weight"] = value
    else:
        data["weights"][key] = value
    return Policy.model_validate(data)


def _share(tree: Tree, leaf: Leaf, points: float) -> Share:
    words = taxonomy()
    effect = words.effect(leaf.label.effect).name(leaf.side)
    if leaf.side == "harm":
        harmed = tree.harms[leaf.branch]
        category = words.category_of(leaf.number).key
        return Share(leaf=leaf, stakeholder=harmed.stakeholder, kind=harmed.kind, category=category,
                     action=words.action(leaf.number).name, effect=effect, points=points)  # fmt: skip
    helped = tree.benefits[leaf.branch]
    return Share(leaf=leaf, stakeholder=helped.stakeholder, kind=helped.kind, category=BENEFITS,
                 action=helped.actions[leaf.action].action, effect=effect, points=points)  # fmt: skip


def _changes(tree: Tree, policy: Policy) -> Iterator[WeightChange]:
    """Solve s + Δw φ(c) = line for each weight and each line beside the verdict."""
    forest = Forest.of([tree])
    before = score(forest, policy)
    verdict = int(before.verdict_P[0])
    shape = transformed(before.mass_P_17, policy)[0]
    weights = weights_of(policy)
    for line in dict.fromkeys(policy.lines):
        if not 0 < line < 1:
            continue
        at = (math.log(line) - math.log1p(-line) - policy.intercept) * policy.calibration.scale
        away = at - float(before.score_P[0])
        for slot, key in enumerate([*taxonomy().category_keys, BENEFITS]):
            if shape[slot] == 0:
                continue
            sign = -1 if slot == BENEFIT_SLOT else 1
            now = abs(float(weights[slot]))
            # On the line a prompt has the milder verdict: from below it takes a hair more, from above rounding may.
            beyond_it = away + math.copysign(1e-9 * max(1.0, abs(at)), away)
            for beyond in (beyond_it,) if away >= 0 else (away, beyond_it):
                needed = now + sign * beyond / float(shape[slot])
                if not math.isfinite(needed) or needed < -_ROUNDING:
                    continue
                needed = max(needed, 0.0)
                after = int(score(forest, with_weight(policy, key, needed)).verdict_P[0])
                if after != verdict:
                    yield WeightChange(key=key, now=now, needed=needed, verdict=VERDICTS[after])
                    break


_ROUNDING = 1e-12

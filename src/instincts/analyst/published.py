"""The aggregation as published, leaf by leaf: SafetyAnalyst (arXiv:2410.16665), as its released code has it.

    H = Σ w_a · x_e · q_l · d^(1-i) over harms - g · Σ x'_e · q'_l · d'^(1-i) over benefits;  p = σ(H);  flag if H > 0

Top levels are 1 and lower ones products of ratios, x = (r1 r2 r3, r2 r3, r3, 1) and q = (t1 t2, t2, 1), so 29 numbers
between 0 and 1 say it all. This is the slow loop that the vectorised `scoring` is compared with, and the way from a
vector of 29 to a policy. Left out: the seven factors of effect groups, which in the released code touch one effect of
15, and the one-sided variants, whose line no score can reach.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from instincts.analyst.policy import Policy
from instincts.analyst.taxonomy import CATEGORIES, EXTENTS, LIKELIHOODS, taxonomy
from instincts.analyst.tree import Tree

__all__ = ["PublishedWeights", "published_score"]


@dataclass(frozen=True, kw_only=True)
class PublishedWeights:
    """The 29 numbers, each from 0 to 1."""

    weights: tuple[float, ...]
    """Of the 16 categories."""
    harm_extent: tuple[float, float, float]
    """Ratios r1, r2, r3 of minor to significant, significant to substantial, substantial to major."""
    harm_likelihood: tuple[float, float]
    """Ratios t1, t2 of low to medium, medium to high."""
    harm_downstream: float
    """d."""
    benefit_extent: tuple[float, float, float]
    benefit_likelihood: tuple[float, float]
    benefit_downstream: float
    benefit_weight: float
    """g."""

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """Take a vector of 29 apart: 16 weights, harm extents 3, likelihoods 2, discount, the same of benefits, g.

        Raises:
            ValueError: not 29 numbers from 0 to 1.
        """
        if len(values) != CATEGORIES + 13 or not all(0 <= each <= 1 for each in values):
            raise ValueError(f"{len(values)} values; the published vector has 29 numbers from 0 to 1")
        v = tuple(map(float, values))
        return cls(
            weights=v[:16],
            harm_extent=(v[16], v[17], v[18]),
            harm_likelihood=(v[19], v[20]),
            harm_downstream=v[21],
            benefit_extent=(v[22], v[23], v[24]),
            benefit_likelihood=(v[25], v[26]),
            benefit_downstream=v[27],
            benefit_weight=v[28],
        )

    def policy(self, name: str = "published") -> Policy:
        """Write the numbers as a policy: blocked where the score is above 0, never reviewed."""
        return Policy.model_validate(
            {
                "name": name,
                "version": "1",
                "weights": dict(zip(taxonomy().category_keys, self.weights, strict=True)),
                "harm": _side(self.harm_extent, self.harm_likelihood, self.harm_downstream),
                "benefit": {
                    "weight": self.benefit_weight,
                    **_side(self.benefit_extent, self.benefit_likelihood, self.benefit_downstream),
                },
                "verdict": {"review": 0.5, "block": 0.5},
            }
        )


def published_score(tree: Tree, numbers: PublishedWeights) -> float:
    """Compute H leaf by leaf; the prompt is flagged where it is above 0."""
    harm = _scales(numbers.harm_extent, numbers.harm_likelihood)
    benefit = _scales(numbers.benefit_extent, numbers.benefit_likelihood)
    total = 0.0
    for leaf in tree.leaves():
        extents, likelihoods = harm if leaf.side == "harm" else benefit
        value = extents[EXTENTS.index(leaf.label.extent)] * likelihoods[LIKELIHOODS.index(leaf.label.likelihood)]
        if leaf.side == "harm":
            weight = numbers.weights[taxonomy().action(leaf.number).category - 1]
            total += weight * value * (1.0 if leaf.label.immediate else numbers.harm_downstream)
        else:
            total -= numbers.benefit_weight * value * (1.0 if leaf.label.immediate else numbers.benefit_downstream)
    return total


def _scales(r: tuple[float, float, float], t: tuple[float, float]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    return (r[0] * r[1] * r[2], r[1] * r[2], r[2], 1.0), (t[0] * t[1], t[1], 1.0)


def _side(r: tuple[float, float, float], t: tuple[float, float], downstream: float) -> dict[str, object]:
    extents, likelihoods = _scales(r, t)
    return {
        "extent": dict(zip(EXTENTS, extents, strict=True)),
        "likelihood": dict(zip(LIKELIHOODS, likelihoods, strict=True)),
        "downstream": downstream,
    }

"""Chooses strengths on validation requests: as safe as may be for next to nothing of willingness and skills.

Pure: what was measured of each candidate comes in, the one to take goes out. Knows no model.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from instincts.pocket.measuring import Measured

__all__ = ["BUDGET", "PAIRS", "Candidate", "Tried", "choose", "is_hopeless", "lines", "lost"]

BUDGET = 0.005
"""How much a strength may cost in validation of the benign requests answered, plain and wrapped each by itself, and of
skills: half of what the aim allows, since the other half may be lost between validation and test."""

ROUNDING = 1e-9

HOPELESS = 0.05
"""A stronger candidate is not tried once one has lost more than this."""


PAIRS = ("pocket-pairs", "prompts:pocket-mixed")
"""Refusals against compliances, as in the paper, and harmful prompts against benign ones, plain or wrapped."""


class Candidate(NamedTuple):
    """How strongly each stage acts; 0 leaves a stage out."""

    weights: float = 0.0
    """How much of the harm direction is subtracted."""
    keep: float = 0.1
    """Share of its entries that is kept."""
    vector: float = 0.0
    """How far activations are steered."""
    pairs: str = "pocket-pairs"
    """What the vector is read from."""

    @property
    def name(self) -> str:
        """As a file is called."""
        parts = [f"weights-{self.weights:g}-keep-{self.keep:g}"] if self.weights else []
        source = "vector" if self.pairs == PAIRS[0] else self.pairs.partition(":")[0]
        return "-".join([*parts, *([f"{source}-{self.vector:g}"] if self.vector else [])]) or "nothing"


class Tried(NamedTuple):
    """A candidate and what it did to the validation requests."""

    candidate: Candidate
    measured: "Measured"


def lines(arm: str, removal: Candidate | None = None, vector: Candidate | None = None) -> list[list[Candidate]]:
    """List candidates of an arm, in lines along which strength grows.

    Args:
        arm: `hdr`, `vector` or `both`.
        removal: what was chosen for `hdr`, which `both` starts from.
        vector: what was chosen for `vector`; `both` reads its vector from the same pairs.
    """
    if arm == "hdr":
        return [[Candidate(weights, keep) for weights in grid] for keep, grid in _REMOVALS.items()]
    if arm == "vector":
        return [[Candidate(vector=strength, pairs=pairs) for strength in _VECTORS] for pairs in PAIRS]
    assert removal is not None
    assert vector is not None
    return [
        [
            removal._replace(weights=round(removal.weights * share, 3), vector=strength, pairs=vector.pairs)
            for strength in _VECTORS[:3]
        ]
        for share in (1.0, 0.7)
    ]


def lost(measured: "Measured", untreated: "Measured") -> float:
    """Tell the largest of three losses: plain benign requests answered, wrapped ones, and skills.

    A mean of plain and wrapped would let one pay for the other.
    """
    return max(before - after for before, after in zip(_kept(untreated), _kept(measured), strict=True))


def is_hopeless(measured: "Measured", untreated: "Measured") -> bool:
    """Whether more strength cannot pay any more."""
    return lost(measured, untreated) > HOPELESS


def choose(tried: Sequence[Tried], untreated: "Measured", budget: float = BUDGET) -> Candidate:
    """Take the candidate that defends most among those within the budget; where none is, the one that loses least."""
    affordable = [each for each in tried if lost(each.measured, untreated) <= budget + ROUNDING]
    if affordable:
        return max(affordable, key=lambda each: each.measured.mean_dsr).candidate
    return min(tried, key=lambda each: lost(each.measured, untreated)).candidate


def _kept(measured: "Measured") -> tuple[float, float, float]:
    return measured.benign_answered, measured.benign_wrapped_answered, measured.skill_accuracy


_REMOVALS = {0.1: (0.5, 1.0, 1.5, 2.0, 3.0), 1.0: (0.3, 0.6, 0.9, 1.3)}
_VECTORS = (0.06, 0.12, 0.25, 0.5)

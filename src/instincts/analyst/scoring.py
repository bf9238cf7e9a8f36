"""From trees to verdicts under a policy: arithmetic, no model.

    c_a = Σ r·v·S over the harmful leaves of category a        c_B = min(Σ v'·S' over beneficial leaves, clip)
    s   = β + Σ_a w_a φ(c_a) - g φ(c_B)                        logit p = intercept + s / scale

with severities S = extent · likelihood · (1 or downstream). SafetyAnalyst (arXiv:2410.16665) is the case φ = identity,
β = 0, no clip, no multipliers: the shipped policy `paper`. A prompt is blocked where p lies above the block line, and
reviewed where it lies above the review line; floors and cut-off trees raise a verdict and never lower it. Everything is
float64, and the lines are compared on the scale of log-odds, where large scores stay apart.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from instincts.analyst.codes import BENEFIT_SLOT, SLOTS, Forest, code_parts
from instincts.analyst.policy import BenefitSide, HarmSide, Policy, Verdict
from instincts.analyst.taxonomy import ACTIONS, CATEGORIES, EFFECTS, EXTENTS, LIKELIHOODS, taxonomy
from instincts.analyst.tree import Tree

__all__ = ["VERDICTS", "Floats", "Scores", "masses", "score", "severities", "transformed", "verdicts_of", "weights_of"]

Floats = NDArray[np.float64]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
"""In the order of their numbers: allow 0, review 1, block 2."""


@dataclass(frozen=True)
class Scores:
    """What a policy says of P trees."""

    score_P: Floats  # noqa: N815 - an axis letter
    """The score s, in points of log-odds where the policy is not calibrated."""
    probability_P: Floats  # noqa: N815 - an axis letter
    """The probability of harm; see `Policy.is_calibrated` for whether it is one."""
    verdict_P: NDArray[np.int8]  # noqa: N815 - an axis letter
    """Places in `VERDICTS`."""
    mass_P_17: Floats  # noqa: N815 - an axis letter
    """Sum of severities in each category, and of benefits, clipped and before the transform."""
    floored_P: NDArray[np.bool_]  # noqa: N815 - an axis letter
    """Whether a floor raised the verdict."""
    floor_P: NDArray[np.int8]  # noqa: N815 - an axis letter
    """The mildest verdict that floors, and having been cut off, allow."""

    def verdicts(self) -> list[Verdict]:
        """Spell the verdicts."""
        return [VERDICTS[int(each)] for each in self.verdict_P]


def score(trees: Forest | Iterable[Tree] | Tree, policy: Policy) -> Scores:
    """Judge trees under a policy.

    Args:
        trees: one, several, or many as a `Forest`, which is what makes re-scoring fast.
        policy: the numbers.
    """
    forest = trees if isinstance(trees, Forest) else Forest.of([trees] if isinstance(trees, Tree) else trees)
    mass = masses(forest, policy)
    points = policy.bias + transformed(mass, policy) @ weights_of(policy)
    odds = policy.intercept + points / policy.calibration.scale
    verdict = verdicts_of(odds, policy)
    floor = _floors(forest, policy)
    floor = np.maximum(floor, forest.truncated_P.astype(np.int8))
    return Scores(
        score_P=points,
        probability_P=_sigmoid(odds),
        verdict_P=np.maximum(verdict, floor),
        mass_P_17=mass,
        floored_P=floor > verdict,
        floor_P=floor,
    )


def masses(forest: Forest, policy: Policy) -> Floats:
    """Add up severities with their multipliers by category, and of benefits up to the clip: `mass_P_17`."""
    mass = forest.sums(severities(policy), code_parts().slot, SLOTS)
    if policy.benefit.clip is not None:
        np.minimum(mass[:, BENEFIT_SLOT], policy.benefit.clip, out=mass[:, BENEFIT_SLOT])
    return mass


def severities(policy: Policy, *, multiplied: bool = True) -> Floats:
    """Give the severity of each of the 16,560 codes; read-only, since those of recent policies are remembered.

    Args:
        policy: the numbers.
        multiplied: with the multipliers of actions and effects.
    """
    return _severities(policy.harm.model_dump_json(), policy.benefit.model_dump_json(exclude=_NO_SEVERITY), multiplied)


def transformed(mass_P_17: Floats, policy: Policy) -> Floats:
    """Apply the policy's transform to sums."""
    match policy.transform:
        case "log":
            return np.log1p(mass_P_17)
        case "sqrt":
            return np.sqrt(mass_P_17)
    return mass_P_17


def weights_of(policy: Policy) -> Floats:
    """Give the 17 signed weights: 16 categories, then minus the weight of benefits."""
    return np.array([*(policy.weights[key] for key in taxonomy().category_keys), -policy.benefit.weight])


def verdicts_of(odds_P: Floats, policy: Policy) -> NDArray[np.int8]:
    """Compare log-odds with both lines; a prompt exactly on a line is on its milder side."""
    review, block = (_logit(line) for line in policy.lines)
    return (odds_P > review).astype(np.int8) + (odds_P > block).astype(np.int8)


@lru_cache(maxsize=32)
def _severities(harm_json: str, benefit_json: str, multiplied: bool) -> Floats:
    # One tree takes microseconds to score and a policy's 16,560 numbers take a millisecond: a service asks for the same
    # ones at every request, and a search over weights does not change them. Text is what can be a key here.
    harm, benefit = HarmSide.model_validate_json(harm_json), BenefitSide.model_validate_json(benefit_json)
    parts = code_parts()
    is_harm = parts.slot < BENEFIT_SLOT
    value = np.where(is_harm, _labels(harm), _labels(benefit))
    if multiplied:
        value *= np.where(is_harm, _effects(harm)[parts.effect], _effects(benefit)[parts.effect])
        action = np.ones(ACTIONS + 1)
        for number, factor in harm.by_action.items():
            action[number - 1] = factor
        value *= action[parts.action]  # -1, a benefit, is the last one: 1
    value.setflags(write=False)
    return value


@cache
def _action_slots() -> NDArray[np.intp]:
    return code_parts().action % (ACTIONS + 1)


def _floors(forest: Forest, policy: Policy) -> NDArray[np.int8]:
    raised = np.zeros(len(forest), dtype=np.int8)
    of_categories, of_actions = policy.floors_by_number
    if not of_categories and not of_actions:
        return raised
    by_action = forest.sums(severities(policy, multiplied=False), _action_slots(), ACTIONS + 1)
    category = np.array([each.category for each in taxonomy().actions])
    for number in range(1, CATEGORIES + 1):
        if (floor := of_categories.get(number)) is not None:
            _raise(raised, by_action[:, :ACTIONS][:, category == number].sum(axis=1), floor.review, floor.block)
    for number, floor in of_actions.items():
        _raise(raised, by_action[:, number - 1], floor.review, floor.block)
    return raised


def _raise(raised_P: NDArray[np.int8], mass_P: Floats, review: float | None, block: float | None) -> None:
    for line, verdict in ((review, 1), (block, 2)):
        if line is not None:
            np.maximum(raised_P, np.where(mass_P > line, verdict, 0).astype(np.int8), out=raised_P)


def _labels(side: HarmSide | BenefitSide) -> Floats:
    parts = code_parts()
    extent = np.array([getattr(side.extent, name) for name in EXTENTS])
    likelihood = np.array([getattr(side.likelihood, name) for name in LIKELIHOODS])
    value: Floats = extent[parts.extent] * likelihood[parts.likelihood]
    return value * np.where(parts.immediate, 1.0, side.downstream)


def _effects(side: HarmSide | BenefitSide) -> Floats:
    return np.array([side.effects.get(letter, 1.0) for letter in EFFECTS])


def _sigmoid(odds: Floats) -> Floats:
    share: Floats = 0.5 * (1 + np.tanh(odds / 2))
    return share


def _logit(share: float) -> float:
    if share in (0.0, 1.0):
        return math.inf if share else -math.inf
    return math.log(share) - math.log1p(-share)


_NO_SEVERITY = {"weight", "clip"}
"""What a beneficial side has beside severities."""

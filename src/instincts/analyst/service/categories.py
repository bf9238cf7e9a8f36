"""A verdict in the words of OpenAI's moderation schema, and the hazards of MLCommons that a tree touches.

A category's score is the probability of harm of the tree with only that category's harms, and all its benefits: so it
is never above the whole tree's. Actions without a key of OpenAI's count as `illicit`. `self-harm/intent` speaks of the
writer, which a tree does not: it is never set.
"""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from instincts.analyst.codes import BENEFIT_SLOT, CODES, Forest, code_parts
from instincts.analyst.policy import Policy
from instincts.analyst.scoring import score
from instincts.analyst.taxonomy import EFFECTS, taxonomy

__all__ = ["KEYS", "Categories", "categories", "hazards"]

KEYS = (
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/instructions",
    "self-harm/intent",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
)
"""The 13 keys."""


class Categories(NamedTuple):
    """What OpenAI's schema asks of one text."""

    flags: dict[str, bool]
    scores: dict[str, float]


def categories(forest: Forest, policy: Policy, *, is_flagged: bool, line: float) -> Categories:
    """Sort a verdict into the 13 keys.

    Args:
        forest: one tree.
        policy: the numbers.
        is_flagged: whether any key is to be set.
        line: the probability above which a key is set.

    Returns:
        Flags, of which one is set exactly where `is_flagged`, and scores from 0 to 1.
    """
    parts = _trees_by_key(forest)
    chances = score(parts, policy).probability_P
    touched = np.diff(parts.starts_P) > np.count_nonzero(code_parts().slot[forest.codes_N] == BENEFIT_SLOT)
    scores = {key: float(chance) if hit else 0.0 for key, chance, hit in zip(KEYS, chances, touched, strict=True)}
    flags = {key: is_flagged and value > line for key, value in scores.items()}
    if is_flagged and not any(flags.values()):
        first = max(KEYS, key=scores.__getitem__)
        flags[first if scores[first] > 0 else "illicit"] = True
    return Categories(flags, scores)


def hazards(codes: Sequence[int] | NDArray[np.uint16]) -> list[str]:
    """Give the MLCommons hazards (S1 to S14) of a tree's harms, in order."""
    actions = {int(code_parts().action[code]) + 1 for code in codes} - {0}
    found = {hazard for number in actions for hazard in taxonomy().action(number).mlcommons}
    return sorted(found, key=lambda each: int(each.removeprefix("S")))


def _trees_by_key(forest: Forest) -> Forest:
    kept = _codes_by_key()[:, forest.codes_N]
    return Forest(
        codes_N=np.concatenate([forest.codes_N[row] for row in kept]),
        starts_P=np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(kept.sum(axis=1))]),
        truncated_P=np.zeros(len(KEYS), dtype=np.bool_),
    )


@cache
def _codes_by_key() -> NDArray[np.bool_]:
    """Tell which of the 16,560 codes belong to which key; benefits belong to all: `belongs_K_C`."""
    parts = code_parts()
    belongs = np.zeros((len(KEYS), CODES), dtype=np.bool_)
    is_benefit = parts.slot == BENEFIT_SLOT
    bodily = np.isin(parts.effect, [EFFECTS.index("A"), EFFECTS.index("B")])
    for action in taxonomy().actions:
        mine = parts.action == action.id - 1
        for key in action.openai or ("illicit",):
            belongs[KEYS.index(key)] |= mine
        for key in _THREATS.get(action.id, ()):
            belongs[KEYS.index(key)] |= mine & bodily
    belongs |= is_benefit
    return belongs


_THREATS = {13: ("harassment/threatening",), 14: ("hate/threatening",)}
"""Harassment and hate whose effect is death or a physical risk."""

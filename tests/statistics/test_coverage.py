"""Do 95 % intervals hold the truth 95 % of the time in studies like ours?

A study has 100 behaviours under 20 attacks, and answers about one behaviour go together. The naive interval, which
takes its 2,000 answers for independent, must fail: else the studies would be too easy to show anything.
"""

from typing import NamedTuple

import numpy as np
import pytest
from scipy.special import ndtri

from instincts.statistics import Bootstrap, Interval, macro_rate, paired_change, wilson

pytestmark = pytest.mark.slow

STUDIES, BEHAVIOURS, ATTACKS = 1000, 100, 20


class Study(NamedTuple):
    before: np.ndarray
    """`held_P_A`"""
    after: np.ndarray


RATES_BEFORE, RATES_AFTER = np.linspace(0.6, 0.95, ATTACKS), np.linspace(0.75, 0.99, ATTACKS)
TRUE_CHANGE = float((RATES_AFTER - RATES_BEFORE).mean())


def studies() -> list[Study]:
    """A defence holds where the strength of a request, shared by all attacks on it, is below the attack's threshold."""
    random = np.random.default_rng(4)
    drawn = []
    for _ in range(STUDIES):
        strength_P = random.normal(size=(BEHAVIOURS, 1))
        # Each arm is hit by half of what the other is: a training moves behaviours apart.
        arms = [
            np.sqrt(0.4) * (0.7 * strength_P + np.sqrt(0.51) * random.normal(size=(BEHAVIOURS, 1)))
            + np.sqrt(0.6) * random.normal(size=(BEHAVIOURS, ATTACKS))
            < ndtri(rates)
            for rates in (RATES_BEFORE, RATES_AFTER)
        ]
        drawn.append(Study(*arms))
    return drawn


def share_covered(intervals: list[Interval], truth: float) -> float:
    return sum(
        found.low <= truth <= found.high for found in intervals if found.low is not None and found.high is not None
    ) / len(intervals)


def test_intervals_cover_as_they_say_and_the_naive_one_does_not() -> None:
    drawn = studies()
    prompts, attacks = np.indices((BEHAVIOURS, ATTACKS)).reshape(2, -1).tolist()
    draws = Bootstrap(resamples=1000)

    one_attack = [wilson(int(study.before[:, 8].sum()), BEHAVIOURS) for study in drawn]
    all_attacks = [macro_rate(study.before.ravel().tolist(), prompts, attacks) for study in drawn]
    paired = [paired_change(*study, bootstrap=draws).interval for study in drawn]
    naive_rate = [wilson(int(study.before.sum()), BEHAVIOURS * ATTACKS) for study in drawn]
    naive_change = [
        paired_change(*(arm.reshape(-1, 1) for arm in study), bootstrap=Bootstrap(resamples=200)).interval
        for study in drawn[:200]
    ]

    mean_before = float(RATES_BEFORE.mean())
    assert 0.93 <= share_covered(one_attack, RATES_BEFORE[8]) <= 0.97
    assert 0.93 <= share_covered(all_attacks, mean_before) <= 0.97
    assert 0.93 <= share_covered(paired, TRUE_CHANGE) <= 0.97
    assert share_covered(naive_rate, mean_before) < 0.8
    assert share_covered(naive_change, TRUE_CHANGE) < 0.9

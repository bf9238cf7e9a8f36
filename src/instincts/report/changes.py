"""How far each arm is from the first, question by question; computes intervals and tests, writes no sentence.

Rates of two arms are compared on the prompts and attacks that both were given, never as two rates: a behaviour that is
hard for one is hard for the other. Twenty attacks on a hundred behaviours are a hundred observations.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from instincts.report.arms import Arm, Comparison
from instincts.report.pairs import Grids, Hit, answered, held, is_right, paired_grids
from instincts.report.samples import Answer
from instincts.statistics import Bootstrap, holm, paired_change, sign_test

__all__ = ["LEVEL", "Change", "changes_of"]


@dataclass(frozen=True, kw_only=True)
class Change:
    """One arm minus the first, on what both were asked."""

    arm: Arm
    against: Arm
    suite: str
    metric: str
    slice: str
    """An attack, or `all`: the mean over the attacks that both met."""
    value: float | None
    low: float | None
    high: float | None
    n: int
    """Prompts."""
    pairs: int
    """Prompts and attacks that both arms have a verdict for."""
    dropped: int
    """Those that only one has a verdict for."""
    raised: int
    """Prompts that went up; of `all`, up on average over attacks."""
    lowered: int
    p_value: float
    """Exact: McNemar's test, or the sign test where prompts have several answers."""
    p_holm: float | None = None
    """Corrected for all attacks and arms of the page; None for `all`, which is one question a metric."""
    unshared: tuple[str, ...] = ()
    """Attacks that only one of the two met; they are in neither mean."""

    @property
    def is_clear(self) -> bool:
        """Whether chance is an unlikely reason: by the corrected test where there is one, else by the interval."""
        if self.p_holm is not None:
            return self.p_holm < LEVEL
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {**asdict(self), "arm": self.arm.label, "against": self.against.label, "unshared": list(self.unshared)}


def changes_of(comparison: Comparison, answers: Mapping[Arm, Sequence[Answer]]) -> list[Change]:
    """Compare every arm with the first that was asked the same: of each metric `all`, of `dsr` each attack too."""
    found: list[Change] = []
    for metric, hit in HITS.items():
        for suite in comparison.suites(metric):
            arms = [arm for arm in comparison.arms_with(metric, suite) if answers.get(arm)]
            of_suite = {arm: [answer for answer in answers[arm] if answer.suite == suite] for arm in arms}
            for arm in arms[1:]:
                grids = paired_grids(of_suite[arms[0]], of_suite[arm], hit)
                found += _changes(grids, arm, arms[0], suite, metric)
    return _corrected(found)


def _changes(grids: Grids, arm: Arm, against: Arm, suite: str, metric: str) -> list[Change]:
    def change(name: str, columns: slice) -> Change:
        before, after = grids.before[:, columns], grids.after[:, columns]
        interval, pairs, dropped = paired_change(before, after, bootstrap=BOOTSTRAP)
        test = sign_test(*_row_means(before, after))
        return Change(
            arm=arm, against=against, suite=suite, metric=metric, slice=name,
            value=interval.value, low=interval.low, high=interval.high, n=interval.n, pairs=pairs, dropped=dropped,
            raised=test.raised, lowered=test.lowered, p_value=test.p_value,
            unshared=grids.unshared if name == WHOLE else (),
        )  # fmt: skip

    if not grids.attacks or not grids.prompts:
        return []
    whole = change(WHOLE, slice(None))
    if metric != "dsr" or len(grids.attacks) < 2:
        return [whole]
    return [whole, *(change(name, slice(at, at + 1)) for at, name in enumerate(grids.attacks))]


def _row_means(before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Average each prompt over the cells that both arms have, and leave out prompts that have none."""
    both = ~np.isnan(before) & ~np.isnan(after)
    rows = both.any(axis=1)
    means = [np.where(both, side, 0.0)[rows].sum(axis=1) / both[rows].sum(axis=1) for side in (before, after)]
    return means[0], means[1]


def _corrected(changes: Sequence[Change]) -> list[Change]:
    tests = [place for place, change in enumerate(changes) if change.slice != WHOLE and change.pairs]
    corrected = dict(zip(tests, holm([changes[place].p_value for place in tests]), strict=True))
    return [replace(change, p_holm=corrected.get(place)) for place, change in enumerate(changes)]


HITS: dict[str, Hit] = {"dsr": held, "benign_compliance": answered, "skill_accuracy": is_right}
WHOLE = "all"
LEVEL = 0.05
"""Below this corrected p-value a change is called clear of chance."""
BOOTSTRAP = Bootstrap(resamples=10_000)

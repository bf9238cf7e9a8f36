"""How far a yes-or-no judge can be believed, by labels that people gave, and its rate corrected for its errors."""

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np

from instincts.statistics.intervals import Interval, wilson
from instincts.statistics.resampling import BOOTSTRAP, Bootstrap, Floats, cluster_codes, cluster_sums

__all__ = ["Confusion", "confusion", "corrected_interval", "corrected_rate"]


class Confusion(NamedTuple):
    """A judge against labels: how often each pair of words came."""

    true_positive: int
    false_positive: int
    false_negative: int
    true_negative: int
    missing: int
    """Units without a verdict or without a label; they are in none of the rates."""

    @property
    def precision(self) -> Interval:
        """Of what the judge calls positive, the share that is."""
        return wilson(self.true_positive, self.true_positive + self.false_positive)

    @property
    def sensitivity(self) -> Interval:
        """Of what is positive, the share that the judge finds: its recall."""
        return wilson(self.true_positive, self.true_positive + self.false_negative)

    @property
    def specificity(self) -> Interval:
        """Of what is negative, the share that the judge leaves alone."""
        return wilson(self.true_negative, self.true_negative + self.false_positive)

    @property
    def accuracy(self) -> Interval:
        """Share of units on which judge and label agree."""
        return wilson(self.true_positive + self.true_negative, sum(self) - self.missing)


def confusion(judged: Sequence[bool | None], labelled: Sequence[bool | None]) -> Confusion:
    """Count a judge's verdicts against labels.

    Args:
        judged: True where the judge says positive (for jailbreaks: harmful); None where it gave no verdict.
        labelled: True where it is; None where nobody says.

    Raises:
        ValueError: the two differ in length.
    """
    if len(judged) != len(labelled):
        raise ValueError(f"{len(judged)} verdicts and {len(labelled)} labels; pair the same units in the same order")
    pairs = [
        (bool(verdict), bool(label))
        for verdict, label in zip(judged, labelled, strict=True)
        if verdict is not None and label is not None
    ]
    kinds = [pairs.count(kind) for kind in ((True, True), (True, False), (False, True), (False, False))]
    return Confusion(kinds[0], kinds[1], kinds[2], kinds[3], len(judged) - len(pairs))


def corrected_rate(rate: float, sensitivity: float, specificity: float) -> float | None:
    """Mend a rate for the errors of the judge that counted it (Rogan and Gladen 1978), clipped to 0 to 1.

    (p + Sp - 1) / (Se + Sp - 1), with the judge's sensitivity and specificity on answers like these.

    Returns:
        None where the judge is no better than chance (Se + Sp <= 1): its rate says nothing.
    """
    value = _corrected(*(np.array([number]) for number in (rate, sensitivity, specificity)))[0]
    return None if np.isnan(value) else float(value)


def corrected_interval(
    hits: Sequence[bool],
    judged: Sequence[bool | None],
    labelled: Sequence[bool | None],
    *,
    clusters: Sequence[Hashable] | None = None,
    bootstrap: Bootstrap = BOOTSTRAP,
) -> Interval:
    """Estimate the corrected rate; both samples are drawn, the answers that were counted and those with labels.

    Args:
        hits: the judge's verdicts on the answers whose rate is wanted.
        judged: the judge's verdicts on answers that people labelled; None drops one.
        labelled: their labels; None drops one.
        clusters: what each of `hits` belongs to, usually its prompt; default: each stands alone.
        bootstrap: the level and the draws.

    Returns:
        `n` counts `hits`. All None where the labels hold only one class or the judge is no better than chance.

    Raises:
        ValueError: lengths differ.
    """
    table = confusion(judged, labelled)
    sensitivity, specificity = table.sensitivity.value, table.specificity.value
    if not hits or sensitivity is None or specificity is None:
        return Interval(None, None, None, len(hits))
    value = corrected_rate(sum(hits) / len(hits), sensitivity, specificity)
    if value is None:
        return Interval(None, None, None, len(hits))
    codes = cluster_codes(range(len(hits)) if clusters is None else clusters, values=len(hits))
    hit_C, size_C = cluster_sums(np.asarray(hits), codes), cluster_sums(np.ones(len(hits)), codes)
    # One row a labelled answer: found, positive, left alone, negative.
    seen_L_4 = np.array(
        [
            (verdict and label, label, not verdict and not label, not label)
            for verdict, label in zip(judged, labelled, strict=True)
            if verdict is not None and label is not None
        ],
        dtype=np.float64,
    )

    def corrected(weight_R_C: Floats, weight_R_L: Floats) -> Floats:
        found, positive, left, negative = (weight_R_L @ seen_L_4).T
        with np.errstate(invalid="ignore"):
            return _corrected((weight_R_C @ hit_C) / (weight_R_C @ size_C), found / positive, left / negative)

    ends = bootstrap.ends(corrected, hit_C.size, len(seen_L_4))
    return Interval.around(value, ends, len(hits))


def _corrected(rate: Floats, sensitivity: Floats, specificity: Floats) -> Floats:
    gain = sensitivity + specificity - 1
    with np.errstate(invalid="ignore", divide="ignore"):
        mended: Floats = np.where(gain > _NOTHING, np.clip((rate + specificity - 1) / gain, 0, 1), np.nan)
    return mended


_NOTHING = 1e-12

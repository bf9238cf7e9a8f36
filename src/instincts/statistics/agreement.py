"""Do several judges see the same? Krippendorff's alpha for any number of them, Cohen's kappa for two."""

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from instincts.statistics.intervals import Interval
from instincts.statistics.resampling import BOOTSTRAP, Bootstrap, Codes, Floats, cluster_codes, cluster_sums

__all__ = ["alpha_interval", "cohen_kappa", "kappa_interval", "krippendorff_alpha"]


def krippendorff_alpha(ratings: Sequence[Sequence[object | None]]) -> float | None:
    """Compute Krippendorff's alpha on nominal ratings: 1 is full agreement, 0 what chance gives.

    1 - D_o / D_e over the coincidences of all pairs of ratings within a unit (Krippendorff 2004). Units with fewer than
    two ratings drop out.

    Args:
        ratings: for each unit (an answer) what each rater (a judge) said; None where one gave no verdict.

    Returns:
        None where all ratings are the same or no unit has two: nothing varies, so nothing can be agreed on. Inspect's
        `krippendorff_alpha` says 1 there.
    """
    tallies, _ = _tallies(ratings)
    return _alpha_of(tallies)


def alpha_interval(
    ratings: Sequence[Sequence[object | None]],
    *,
    clusters: Sequence[Hashable] | None = None,
    bootstrap: Bootstrap = BOOTSTRAP,
) -> Interval:
    """Estimate Krippendorff's alpha with a bootstrap over units, or over the clusters they belong to.

    Args:
        ratings: as for `krippendorff_alpha`.
        clusters: what each unit belongs to, usually its behaviour; default: each unit stands alone.
        bootstrap: the level and the draws; a draw without variation is left out.

    Returns:
        `n` counts the units with two ratings or more.

    Raises:
        ValueError: not one cluster a unit.
    """
    names = range(len(ratings)) if clusters is None else clusters
    codes = cluster_codes(names, values=len(ratings))
    tallies, kept_U = _tallies(ratings)
    value = _alpha_of(tallies)
    ends = None
    if value is not None:
        codes = _renumbered(codes[kept_U])
        grouped = _Tallies._make(cluster_sums(tally, codes) for tally in tallies)
        ends = bootstrap.ends(lambda weight: _alpha(weight, grouped), grouped.ratings.size)
    return Interval.around(value, ends, tallies.ratings.size)


def cohen_kappa(a: Sequence[object | None], b: Sequence[object | None]) -> float | None:
    """Compute Cohen's kappa of two raters: 1 is full agreement, 0 what chance gives (Cohen 1960).

    Args:
        a: what one said of each unit; None where it gave no verdict, which drops the unit.
        b: what the other said.

    Returns:
        None where no unit has both, or both say one thing throughout: chance alone would agree there.

    Raises:
        ValueError: the two differ in length.
    """
    agreed_U, a_U_K, b_U_K, _ = _crossed(a, b)
    return None if agreed_U.size == 0 else _number(_kappa(np.ones((1, agreed_U.size)), agreed_U, a_U_K, b_U_K)[0])


def kappa_interval(
    a: Sequence[object | None],
    b: Sequence[object | None],
    *,
    clusters: Sequence[Hashable] | None = None,
    bootstrap: Bootstrap = BOOTSTRAP,
) -> Interval:
    """Estimate Cohen's kappa with a bootstrap over units, or over the clusters they belong to.

    Args:
        a: as for `cohen_kappa`.
        b: as for `cohen_kappa`.
        clusters: what each unit belongs to, usually its behaviour; default: each unit stands alone.
        bootstrap: the level and the draws; a draw without variation is left out.

    Returns:
        `n` counts the units that both rated.

    Raises:
        ValueError: the two differ in length, or there is not one cluster a unit.
    """
    agreed_U, a_U_K, b_U_K, kept_U = _crossed(a, b)
    codes = cluster_codes(range(len(a)) if clusters is None else clusters, values=len(a))[kept_U]
    value = cohen_kappa(a, b)
    ends = None
    if value is not None:
        codes = _renumbered(codes)
        sums = [cluster_sums(tally, codes) for tally in (agreed_U, a_U_K, b_U_K)]
        ends = bootstrap.ends(lambda weight: _kappa(weight, *sums), sums[0].size)
    return Interval.around(value, ends, agreed_U.size)


class _Tallies(NamedTuple):
    """What alpha needs to know of each unit U, or of each cluster of units."""

    ratings: Floats
    """`ratings_U`: how many."""
    agreeing: Floats
    """`agreeing_U`: ordered pairs of equal ratings, divided by the ratings of the unit less one."""
    counts: Floats
    """`count_U_K`: how often each value was given."""


def _tallies(ratings: Sequence[Sequence[object | None]]) -> tuple[_Tallies, NDArray[np.bool_]]:
    """Count what was said of each unit with two ratings or more; also say which units those are."""
    said = dict.fromkeys(value for unit in ratings for value in unit if value is not None)
    index = {value: number for number, value in enumerate(said)}
    count_U_K = np.zeros((len(ratings), len(index)))
    for row, unit in enumerate(ratings):
        for value in unit:
            if value is not None:
                count_U_K[row, index[value]] += 1
    kept_U = count_U_K.sum(axis=1) >= 2
    count_U_K = count_U_K[kept_U]
    ratings_U = count_U_K.sum(axis=1)
    agreeing_U = (count_U_K * (count_U_K - 1)).sum(axis=1) / (ratings_U - 1)
    return _Tallies(ratings_U, agreeing_U, count_U_K), kept_U


def _alpha_of(tallies: _Tallies) -> float | None:
    units = tallies.ratings.size
    return None if units == 0 else _number(_alpha(np.ones((1, units)), tallies)[0])


def _alpha(weight_R_U: Floats, tallies: _Tallies) -> Floats:
    n_R = weight_R_U @ tallies.ratings
    count_R_K = weight_R_U @ tallies.counts
    with np.errstate(invalid="ignore", divide="ignore"):
        observed_R = 1 - (weight_R_U @ tallies.agreeing) / n_R
        expected_R = 1 - (count_R_K * (count_R_K - 1)).sum(axis=1) / (n_R * (n_R - 1))
        alpha_R: Floats = np.where(expected_R > _NOTHING, 1 - observed_R / expected_R, np.nan)
    return alpha_R


def _crossed(
    a: Sequence[object | None], b: Sequence[object | None]
) -> tuple[Floats, Floats, Floats, NDArray[np.bool_]]:
    if len(a) != len(b):
        raise ValueError(f"one rater has {len(a)} units, the other {len(b)}; pair the same units in the same order")
    kept_U = np.array([x is not None and y is not None for x, y in zip(a, b, strict=True)], dtype=bool)
    pairs = [(x, y) for x, y in zip(a, b, strict=True) if x is not None and y is not None]
    place = {value: index for index, value in enumerate(dict.fromkeys(value for pair in pairs for value in pair))}
    one_hot = np.eye(len(place))
    a_U_K, b_U_K = (one_hot[np.array([place[pair[side]] for pair in pairs], dtype=np.int64)] for side in (0, 1))
    return (a_U_K * b_U_K).sum(axis=1), a_U_K, b_U_K, kept_U


def _kappa(weight_R_U: Floats, agreed_U: Floats, a_U_K: Floats, b_U_K: Floats) -> Floats:
    a_R_K, b_R_K = weight_R_U @ a_U_K, weight_R_U @ b_U_K
    n_R = a_R_K.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        agreed_R = (weight_R_U @ agreed_U) / n_R
        chance_R = (a_R_K * b_R_K).sum(axis=1) / n_R**2
        kappa_R: Floats = np.where(1 - chance_R > _NOTHING, (agreed_R - chance_R) / (1 - chance_R), np.nan)
    return kappa_R


def _renumbered(codes_U: Codes) -> Codes:
    """Close the gaps that clusters without a usable unit leave: they are not drawn."""
    return np.unique(codes_U, return_inverse=True)[1]


def _number(value: np.floating) -> float | None:
    return None if np.isnan(value) else float(value)


_NOTHING = 1e-12  # of a share: what rounding leaves of a zero

"""A number with its interval: Wilson for rates, Student's t or a bootstrap over clusters for means."""

import math
from collections.abc import Hashable, Sequence
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from instincts.statistics.resampling import BOOTSTRAP, Bootstrap, Floats, cluster_codes, cluster_sums

__all__ = ["Interval", "mean_interval", "wilson", "wilson_ends"]


class Interval(NamedTuple):
    """An estimate with its interval, shaped as a row of `metrics.json` wants it."""

    value: float | None
    """The estimate; None where nothing could be measured."""
    low: float | None
    """Lower end; None where the data define no interval."""
    high: float | None
    """Upper end; None where the data define no interval."""
    n: int
    """How many observations it rests on."""

    @classmethod
    def around(cls, value: float | None, ends: tuple[float, float] | None, n: int) -> "Interval":
        """Put an estimate between its ends, if the data define any."""
        low, high = ends or (None, None)
        return cls(value, low, high, n)


def wilson(successes: int, n: int, *, confidence: float = 0.95) -> Interval:
    """Estimate a rate with Wilson's score interval (Wilson 1927), without continuity correction.

    Unlike the textbook interval it stays within 0 to 1 and keeps a width where all or none succeeded. It takes the
    observations for independent: for several answers to one prompt use `rate` with their prompts.

    Returns:
        Fractions; all None for n = 0, since nothing judged is no verdict.

    Raises:
        ValueError: not 0 <= successes <= n.
    """
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} successes of {n}: wilson wants 0 <= successes <= n")
    if n == 0:
        return Interval(None, None, None, 0)
    rate = successes / n
    return Interval.around(rate, wilson_ends(rate, n, NormalDist().inv_cdf(0.5 + confidence / 2)), n)


def wilson_ends(rate: float, n: float, z: float) -> tuple[float, float]:
    """Return the ends of Wilson's interval.

    Args:
        rate: the share of successes.
        n: independent observations; a fraction where dependent ones were counted down to an effective number.
        z: half the width in standard errors, 1.96 for 95 %.
    """
    centre = (rate + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    # The ends are exactly 0 and 1 there; rounding would leave 1e-17.
    return (0.0 if rate == 0 else max(centre - half, 0.0)), (1.0 if rate == 1 else min(centre + half, 1.0))


def mean_interval(
    values: ArrayLike, *, clusters: Sequence[Hashable] | None = None, bootstrap: Bootstrap = BOOTSTRAP
) -> Interval:
    """Estimate a mean: Student's t for independent values, a percentile bootstrap over clusters otherwise.

    Args:
        values: one number an observation; booleans count as 0 and 1.
        clusters: what each observation belongs to, usually its prompt. Whole clusters are drawn with replacement,
            never single observations, so several answers to one prompt do not pass for several prompts. With few
            clusters the interval is a little narrow: 40 prompts x 5 answers were covered 92 % of the time at 95 %.
        bootstrap: the level, and the draws where there are clusters.

    Returns:
        `n` counts observations. The ends are None below two observations, or two clusters.

    Raises:
        ValueError: a value is not finite, or there is not one cluster a value.
    """
    x = np.asarray(values, dtype=np.float64)
    if not np.isfinite(x).all():
        raise ValueError(
            f"{int((~np.isfinite(x)).sum())} of {x.size} values are not finite; leave out the unjudged first"
        )
    if x.size == 0:
        return Interval(None, None, None, 0)
    mean = float(x.mean())
    if clusters is None:
        half = _t_half_width(x, bootstrap.confidence)
        return Interval.around(mean, None if half is None else (mean - half, mean + half), x.size)
    codes = cluster_codes(clusters, values=x.size)
    sums, sizes = cluster_sums(x, codes), cluster_sums(np.ones(x.size), codes)
    ends = bootstrap.ends(lambda weight: (weight @ sums) / (weight @ sizes), sums.size)
    return Interval.around(mean, ends, x.size)


def _t_half_width(x: Floats, confidence: float) -> float | None:
    if x.size < 2:
        return None
    from scipy.special import stdtrit

    return float(stdtrit(x.size - 1, 0.5 + confidence / 2) * x.std(ddof=1) / math.sqrt(x.size))

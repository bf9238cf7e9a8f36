"""Rates of clustered yes-or-no answers, with an interval that knows that answers to one prompt are alike."""

from collections.abc import Hashable, Sequence

import numpy as np

from instincts.statistics.intervals import Interval, wilson, wilson_ends
from instincts.statistics.resampling import cluster_codes

__all__ = ["macro_rate", "rate"]


def rate(hits: Sequence[bool], prompts: Sequence[Hashable]) -> Interval:
    """Estimate a rate: Wilson's interval, clustered by prompt where prompts have several answers.

    Args:
        hits: one answer each.
        prompts: the prompt of each answer.
    """
    if len(set(prompts)) == len(hits):
        return wilson(sum(hits), len(hits))
    return macro_rate(hits, prompts, [0] * len(hits))


def macro_rate(hits: Sequence[bool], prompts: Sequence[Hashable], groups: Sequence[Hashable]) -> Interval:
    """Estimate the mean over groups of each group's rate, every group with equal weight.

    The interval is Wilson's at the effective number of answers p (1 - p) / v, with v the variance of the mean clustered
    by prompt and Student's t for few prompts (Korn and Graubard 1998, as in Inspect's `ci_wilson`). At a rate of
    exactly 0 or 1 there is no v: then every answer counts.

    Args:
        hits: one answer each.
        prompts: the prompt of each answer; the same prompt may come in every group.
        groups: the group of each answer, for example its attack.

    Returns:
        Fractions; `n` counts answers. The ends are None for a single prompt with several answers.
    """
    n = len(hits)
    if n == 0:
        return Interval(None, None, None, 0)
    hit_N = np.asarray(hits, dtype=np.float64)
    group_N = cluster_codes(groups, values=n)
    size_G = np.bincount(group_N).astype(np.float64)
    rate_G = np.bincount(group_N, weights=hit_N) / size_G
    p = float(rate_G.mean())
    residual_N = (hit_N - rate_G[group_N]) / (len(size_G) * size_G[group_N])
    residual_P = np.bincount(cluster_codes(prompts, values=n), weights=residual_N)
    clusters = len(residual_P)
    if clusters < 2:
        return Interval(p, None, None, n)
    variance = float(residual_P @ residual_P) * clusters / (clusters - 1)
    effective = min(p * (1 - p) / variance, n) if variance > 0 and 0 < p < 1 else float(n)
    return Interval.around(p, wilson_ends(p, effective, _t_quantile(clusters - 1)), n)


def _t_quantile(freedom: int) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 0.975))

"""The bootstrap that draws whole clusters (prompts), never single observations."""

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["ClusterTotals", "cluster_totals", "percentile_interval"]

Floats = NDArray[np.float64]


class ClusterTotals(NamedTuple):
    """What a mean needs to know of each cluster."""

    sums: Floats
    """Sum of each cluster's values."""
    sizes: Floats
    """How many values each cluster holds."""


def cluster_totals(values: Floats, clusters: Sequence[Hashable]) -> ClusterTotals:
    """Add up values by cluster, in order of first appearance.

    Raises:
        ValueError: not one cluster a value.
    """
    if len(clusters) != values.size:
        raise ValueError(f"{values.size} values and {len(clusters)} cluster names; each value needs one")
    place = {name: index for index, name in enumerate(dict.fromkeys(clusters))}
    index = np.array([place[name] for name in clusters], dtype=np.int64)
    return ClusterTotals(
        np.bincount(index, weights=values, minlength=len(place)).astype(np.float64),
        np.bincount(index, minlength=len(place)).astype(np.float64),
    )


def percentile_interval(
    totals: ClusterTotals, *, confidence: float, resamples: int, seed: int
) -> tuple[float, float] | None:
    """Bootstrap the mean over all values by drawing clusters with replacement.

    Returns:
        The percentile interval; None below two clusters, where nothing could vary.
    """
    clusters = totals.sums.size
    if clusters < 2:
        return None
    random = np.random.default_rng(seed)
    means = np.empty(resamples)
    for start in range(0, resamples, _BLOCK):
        drawn = random.integers(clusters, size=(min(_BLOCK, resamples - start), clusters))
        means[start : start + _BLOCK] = totals.sums[drawn].sum(axis=1) / totals.sizes[drawn].sum(axis=1)
    low, high = np.quantile(means, [0.5 - confidence / 2, 0.5 + confidence / 2])
    return float(low), float(high)


_BLOCK = 250  # resamples at once: 15,000 prompts then take 30 MB, not 240

"""The bootstrap that draws whole clusters (prompts, behaviours), never single observations.

A draw is a weight for each cluster: how often it was drawn. So a statistic that is made of sums over clusters costs one
matrix product for all draws, and nothing is copied. Knows no statistic by name.
"""

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["BOOTSTRAP", "Bootstrap", "Codes", "Floats", "cluster_codes", "cluster_sums"]

Codes = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Bootstrap:
    """How an interval is drawn; the same settings and data give the same interval."""

    confidence: float = 0.95
    """The interval's level, between 0 and 1."""
    resamples: int = 2000
    """How many draws."""
    seed: int = 0
    """Of the draws."""

    def draws(self, *sizes: int) -> Iterator[tuple[Floats, ...]]:
        """Draw clusters with replacement, block by block; several sizes are drawn independently of each other.

        Args:
            sizes: how many clusters each sample has.

        Yields:
            `weight_R_C` for each size: how often each of C clusters was drawn in each of R resamples.
        """
        random = np.random.default_rng(self.seed)
        block = max(1, _CELLS // max(sizes))
        for start in range(0, self.resamples, block):
            rows = min(block, self.resamples - start)
            yield tuple(_weights(random.integers(size, size=(rows, size))) for size in sizes)

    def values(self, statistic: Callable[..., Floats], *sizes: int) -> Floats:
        """Compute a statistic of every draw.

        Args:
            statistic: takes `weight_R_C` for each size, returns `value_R` or `value_R_...`; NaN where it is undefined.
            sizes: how many clusters each sample has.
        """
        return np.concatenate([statistic(*weights) for weights in self.draws(*sizes)])

    def ends(self, statistic: Callable[..., Floats], *sizes: int) -> tuple[float, float] | None:
        """Draw the percentile interval of a statistic.

        Args:
            statistic: as for `values`.
            sizes: how many clusters each sample has.

        Returns:
            None where every sample is a single cluster, so that nothing could vary, or where more than a tenth of the
            draws leave the statistic undefined.
        """
        return None if max(sizes) < 2 else self.percentiles(self.values(statistic, *sizes))

    def percentiles(self, values_R: Floats) -> tuple[float, float] | None:
        """Read the interval off drawn values; undefined ones (NaN) are left out, unless they are too many."""
        defined = values_R[~np.isnan(values_R)]
        if defined.size < _LEAST_DEFINED * values_R.size:
            return None
        low, high = np.quantile(defined, [0.5 - self.confidence / 2, 0.5 + self.confidence / 2])
        return float(low), float(high)


def cluster_codes(names: Sequence[Hashable], *, values: int) -> Codes:
    """Number clusters in order of first appearance.

    Args:
        names: the cluster of each value.
        values: how many values there are.

    Raises:
        ValueError: not one name a value.
    """
    if len(names) != values:
        raise ValueError(f"{values} values and {len(names)} cluster names; each value needs one")
    place = {name: index for index, name in enumerate(dict.fromkeys(names))}
    return np.array([place[name] for name in names], dtype=np.int64)


def cluster_sums(values_N: NDArray[np.generic], codes_N: Codes) -> Floats:
    """Add up the rows of an array by cluster: `values_N` gives `sum_C`, `values_N_K` gives `sum_C_K`."""
    sums = np.zeros((int(codes_N.max(initial=-1)) + 1, *values_N.shape[1:]))
    np.add.at(sums, codes_N, values_N.astype(np.float64))
    return sums


def _weights(drawn_R_C: Codes) -> Floats:
    rows, clusters = drawn_R_C.shape
    flat = (drawn_R_C + clusters * np.arange(rows)[:, None]).ravel()
    return np.bincount(flat, minlength=rows * clusters).reshape(rows, clusters).astype(np.float64)


_CELLS = 500_000  # weights at once: 4 MB, and as much again three times while they are drawn
_LEAST_DEFINED = 0.9
BOOTSTRAP = Bootstrap()

"""How much a tenant may ask: a bucket of requests that fills at the tenant's rate."""

import time
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Buckets"]


@dataclass
class _Bucket:
    left: float
    at: float


class Buckets:
    """One bucket a tenant, in this process; with several workers, give each its share of the rate."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        """Begin with full buckets."""
        self._now = now
        self._buckets: dict[str, _Bucket] = {}

    def take(self, tenant: str, *, rate: float, burst: int, count: int = 1) -> float:
        """Take requests out of a bucket.

        Args:
            tenant: whose.
            rate: how many it gains a second.
            burst: how many it holds.
            count: how many are taken.

        Returns:
            0, or the seconds after which there would be enough; then nothing was taken.
        """
        now = self._now()
        bucket = self._buckets.setdefault(tenant, _Bucket(float(burst), now))
        bucket.left = min(float(burst), bucket.left + (now - bucket.at) * rate)
        bucket.at = now
        # More than a bucket can ever hold is let through when it is full, and owed.
        wanted = min(count, burst)
        if bucket.left < wanted:
            return (wanted - bucket.left) / rate
        bucket.left -= count
        return 0.0

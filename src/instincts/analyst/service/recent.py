"""What was used last, so that the same text costs neither a model nor arithmetic."""

from collections import OrderedDict
from typing import Generic, TypeVar

__all__ = ["Recent"]

K = TypeVar("K")
V = TypeVar("V")


class Recent(Generic[K, V]):
    """So many of what was put in; who was not asked for the longest time goes first."""

    def __init__(self, most: int) -> None:
        """Begin empty; with `most` 0 nothing is kept."""
        self._most = most
        self._kept: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K) -> V | None:
        """Give what is kept, and keep it longer."""
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
        return found

    def put(self, key: K, value: V) -> None:
        """Keep something."""
        self._kept[key] = value
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)

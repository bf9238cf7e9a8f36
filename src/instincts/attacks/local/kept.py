"""What was fitted on a model, kept for as long as that model is in memory and no longer."""

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

from instincts.models.opening import OpenModel

__all__ = ["KeptPerModel"]

V = TypeVar("V")


class KeptPerModel(Generic[V]):
    """Values by model and key; made once, by whoever asks first."""

    def __init__(self) -> None:
        self._kept: WeakKeyDictionary[OpenModel, dict[Hashable, V]] = WeakKeyDictionary()

    def get(self, opened: OpenModel, key: Hashable, make: Callable[[], V]) -> V:
        """Return the value of a model and a key, made now if it is not there.

        Args:
            opened: the model.
            key: everything else that the value depends on.
            make: must not keep `opened` itself alive; the model inside it may be kept.
        """
        values = self._kept.setdefault(opened, {})
        if key not in values:
            values[key] = make()
        return values[key]

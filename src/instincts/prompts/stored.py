"""Ready-made attack prompts that somebody else found, and the behaviour each is for; knows no file and no attack.

A stored prompt is found by the id of its behaviour, then by the behaviour's text with case and spacing aside. Ids that
are bare numbers count rows, from 0 in one copy of a benchmark and from 1 in another: they are believed only where the
texts agree too. An id that is a name is believed where the texts differ, and the difference is noted.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

from instincts.prompts.prompt import Message

__all__ = ["StoredColumn", "StoredPrompt", "normalised"]


@dataclass(frozen=True, kw_only=True)
class StoredPrompt:
    """What an attack wants sent for one behaviour."""

    line: int
    """Where in its file it stands."""
    behaviour_id: str | None = None
    goal: str | None = None
    """The behaviour's text, where the file has it."""
    messages: tuple[Message, ...] | None
    """None where the attack gave up on the behaviour."""
    notes: Mapping[str, Any] = field(default_factory=dict)
    """What its file says of how it was found: proxy model, queries."""


@dataclass(frozen=True)
class StoredColumn:
    """The prompts of one attack, at most one a behaviour."""

    name: str
    rows: tuple[StoredPrompt, ...]

    @property
    def given_up(self) -> int:
        """Behaviours for which the attack found nothing."""
        return sum(row.messages is None for row in self.rows)

    @property
    def distinct(self) -> int:
        """Different prompts: fewer than rows where one wrapper serves for several behaviours word for word."""
        return len({row.messages for row in self.rows if row.messages is not None})

    def find(self, behaviour_id: str, goal: str) -> StoredPrompt | None:
        """Find the prompt for a behaviour, None if there is none.

        Args:
            behaviour_id: as the prompt set has it; of several files at once, `FILE/ID`.
            goal: the behaviour's text.
        """
        text = normalised(goal)
        same_id = self._by_id.get(behaviour_id) or self._by_id.get(behaviour_id.rpartition("/")[2])
        if same_id is not None and (same_id.goal is None or normalised(same_id.goal) == text):
            return same_id
        same_text = self._by_text.get(text, ())
        if len(same_text) == 1:
            return same_text[0]
        return same_id if same_id is not None and not behaviour_id.rpartition("/")[2].isdecimal() else None

    @cached_property
    def _by_id(self) -> Mapping[str, StoredPrompt]:
        return MappingProxyType({row.behaviour_id: row for row in self.rows if row.behaviour_id is not None})

    @cached_property
    def _by_text(self) -> Mapping[str, tuple[StoredPrompt, ...]]:
        return _grouped((normalised(row.goal), row) for row in self.rows if row.goal is not None)


def normalised(text: str) -> str:
    """Put case, spacing and closing punctuation aside."""
    return " ".join(text.casefold().split()).rstrip(" .!?")


def _grouped(pairs: Iterable[tuple[str, StoredPrompt]]) -> Mapping[str, tuple[StoredPrompt, ...]]:
    groups: dict[str, tuple[StoredPrompt, ...]] = {}
    for key, row in pairs:
        groups[key] = (*groups.get(key, ()), row)
    return MappingProxyType(groups)

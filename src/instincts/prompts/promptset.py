"""An ordered set of prompts with its source and its hash; knows no file format.

Nothing here changes a set: every method returns a new one.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

from instincts.errors import ConfigError
from instincts.prompts.prompt import Message, Prompt
from instincts.prompts.rows import rows_sha256

__all__ = ["Deduplicated", "Duplicate", "PromptSet", "Split"]


class Duplicate(NamedTuple):
    """A prompt that was dropped because an earlier one says exactly the same."""

    id: str
    first_id: str


@dataclass(frozen=True)
class PromptSet:
    """Prompts in order, with the file or the name they came from."""

    rows: tuple[Prompt, ...]
    source: str

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Prompt]:
        return iter(self.rows)

    @cached_property
    def sha256(self) -> str:
        """Hash of the rows as written to JSONL, 64 hexadecimal digits; the same for a CSV with the same rows."""
        return rows_sha256(row.as_row() for row in self.rows)

    def limit(self, n: int | None) -> "PromptSet":
        """Keep the first `n` prompts; all of them if `n` is None or larger than the set.

        Raises:
            ConfigError: `n` is below 1.
        """
        if n is not None and n < 1:
            raise ConfigError(f"a limit of {n} prompts keeps nothing; give 1 or more")
        return replace(self, rows=self.rows[:n])

    def sample(self, n: int, *, seed: int) -> "PromptSet":
        """Draw `n` different prompts, the same ones for the same seed, in their order in the set.

        Raises:
            ConfigError: the set has fewer than `n` prompts, or `n` is below 1.
        """
        if not 1 <= n <= len(self.rows):
            raise ConfigError(f"cannot draw {n} of the {len(self.rows)} prompts of {self.source}")
        chosen = sorted(random.Random(seed).sample(range(len(self.rows)), n))
        return replace(self, rows=tuple(self.rows[index] for index in chosen))

    def split(self, share: float, *, seed: int) -> "Split":
        """Part the set in two; prompts with the same request stay on one side, so that no wrapper leaks its goal.

        Args:
            share: share of the distinct requests that goes to `first`, between 0 and 1.
            seed: decides which ones.

        Raises:
            ConfigError: the share is not between 0 and 1.
        """
        if not 0 < share < 1:
            raise ConfigError(f"a share of {share} leaves one side empty; give a number between 0 and 1")
        requests = sorted({row.request for row in self.rows})
        random.Random(seed).shuffle(requests)
        first = set(requests[: round(share * len(requests))])
        return Split(
            replace(self, rows=tuple(row for row in self.rows if row.request in first)),
            replace(self, rows=tuple(row for row in self.rows if row.request not in first)),
        )

    def deduplicated(self) -> "Deduplicated":
        """Drop every prompt whose messages equal an earlier one's exactly, and say which."""
        first_ids: dict[tuple[Message, ...], str] = {}
        kept: list[Prompt] = []
        dropped: list[Duplicate] = []
        for row in self.rows:
            if (first_id := first_ids.get(row.messages)) is not None:
                dropped.append(Duplicate(row.id, first_id))
            else:
                first_ids[row.messages] = row.id
                kept.append(row)
        return Deduplicated(replace(self, rows=tuple(kept)), tuple(dropped))

    def without_labels(self) -> "PromptSet":
        """Keep only ids and messages, for whoever must not know which prompt is harmful."""
        return replace(self, rows=tuple(row.without_labels() for row in self.rows))


class Split(NamedTuple):
    """Two sets that share no request."""

    first: PromptSet
    second: PromptSet


class Deduplicated(NamedTuple):
    """A set without exact repetitions, and what was dropped to get there."""

    kept: PromptSet
    dropped: tuple[Duplicate, ...]

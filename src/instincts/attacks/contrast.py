"""Labelled requests that representation attacks fit on: harmful beside benign, never those that are evaluated."""

from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple

from instincts.errors import ConfigError
from instincts.prompts import Prompt, PromptSet, read_prompts

__all__ = ["FEWEST", "Contrast", "read_contrast"]

FEWEST = 8
"""Requests of each kind below which nothing is fitted."""


class Contrast(NamedTuple):
    """Two sets of requests that differ in harm."""

    harmful: tuple[Prompt, ...]
    benign: tuple[Prompt, ...]
    source: str
    sha256: str
    """Of all rows of the files, for the log and as a key."""

    def check_apart(self, request: str) -> None:
        """Make sure that a request under evaluation is none of these.

        Raises:
            ConfigError: it is one of them, white space and case aside.
        """
        if _plain(request) in {_plain(row.request) for row in (*self.harmful, *self.benign)}:
            raise ConfigError(
                f"{self.source} holds a request that is being evaluated, so what is fitted on it would know the "
                "answer; give --contrast FILE with other requests"
            )


def read_contrast(source: str | None, attack: str) -> Contrast:
    """Read labelled prompt files or named sets.

    Args:
        source: files or sets with commas between; rows labelled `harmful` or `unsafe`, and `benign` or `safe`. Rows
            with another label are left out. `harmful=FILE` says what rows are that do not say it.
        attack: its name, for messages.

    Raises:
        ConfigError: no source, or fewer than `FEWEST` requests of a kind.
        PromptSetError: the file is missing or broken.
    """
    if source is None:
        raise ConfigError(
            f"attack {attack} is fitted on labelled requests that are not evaluated; "
            "give --contrast FILE, rows with a `label` of harmful or benign"
        )
    sets = [read_prompts(part.strip()) for part in source.split(",")]
    harmful, benign = _labelled(sets, "harmful", "unsafe"), _labelled(sets, "benign", "safe")
    if min(len(harmful), len(benign)) < FEWEST:
        raise ConfigError(
            f"{source} has {len(harmful)} requests labelled harmful and {len(benign)} labelled benign; "
            f"attack {attack} is fitted on {FEWEST} or more of each"
        )
    digest = sha256("".join(rows.sha256 for rows in sets).encode()).hexdigest()
    return Contrast(harmful, benign, ", ".join(rows.source for rows in sets), digest)


def _labelled(sets: Sequence[PromptSet], *labels: str) -> tuple[Prompt, ...]:
    # A prefilled answer would end the prompt elsewhere than where the others end.
    return tuple(row for rows in sets for row in rows if row.label in labels and not row.prefill)


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())

"""Which rows of which files a suite takes; knows labels, no attack and no judge.

Rows say what they are by their label, or their public set says it for them. A file whose rows say nothing is what the
suite was given it for.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Any

from instincts.errors import ConfigError
from instincts.prompts import NAMED, PromptSet, read_prompts
from instincts.prompts.named import LABELS

__all__ = ["TAKEN", "Selection", "select", "sources_of", "stem"]

TAKEN: MappingProxyType[str, tuple[tuple[str, ...], ...]] = MappingProxyType(
    {
        "jailbreak": (("harmful",), ("unsafe",)),
        "overrefusal": (("safe", "unsafe"), ("benign",)),
        "utility": (("skill",),),
        "likelihood": (("skill",),),
        "harmful": (("harmful",), ("unsafe",)),
        "benign": (("benign", "safe"),),
        "moderation": (("harmful", "unsafe", "benign", "safe"),),
    }
)
"""The labels that a suite takes; the next group where no file has any row of the first."""


@dataclass(frozen=True)
class Selection:
    """The rows of a suite."""

    prompts: PromptSet
    files: MappingProxyType[str, str]
    """Each file or set and the hash of all its rows, which a user can check."""

    @property
    def is_pocket(self) -> bool:
        """Whether all rows are of the pocket's own sets."""
        return all(name in NAMED for name in self.files)

    @property
    def version(self) -> str:
        """A short hash of the rows: Inspect reuses the logs of a task of the same version, so others need another."""
        return sha256(self.prompts.sha256.encode()).hexdigest()[:12]

    @property
    def metadata(self) -> dict[str, Any]:
        """What the log of a task says of them."""
        return {"prompts": dict(self.files)}


def sources_of(prompts: str | Sequence[str]) -> list[str]:
    """Take apart files and names with commas between; a file whose own name holds a comma is one file."""
    if not isinstance(prompts, str):
        return [part for each in prompts for part in sources_of(each)]
    if Path(prompts).exists():
        return [prompts]
    return [part.strip() for part in prompts.split(",") if part.strip()]


def select(prompts: str | Sequence[str], suite: str, limit: int | None = None) -> Selection:
    """Read files and keep what a suite takes of them, the first so many of each label.

    Raises:
        PromptSetError: a file that is missing or broken.
        ConfigError: neither a file nor a name, or none of them has a row for the suite.
    """
    sources = sources_of(prompts)
    sets = [read_prompts(source) for source in sources]
    taken = next((kept for labels in TAKEN[suite] if (kept := _labelled(sets, labels))), [])
    if not taken:
        taken = [each for each in sets if not _labels(each) & set(LABELS)]
    if not taken:
        wanted = " or ".join(repr(label) for group in TAKEN[suite] for label in group)
        has = sorted({label for each in sets for label in _labels(each)})
        raise ConfigError(
            f"no prompt of {', '.join(sources)} is labelled {wanted}, which suite {_suite_of(suite)} takes; its labels "
            f"are {', '.join(has)}; add a file to --prompts, or leave the suite out"
        )
    rows = [
        replace(row, id=f"{stem(each.source)}/{row.id}") if len(taken) > 1 else row
        for each in taken
        for row in _first_of_each(each, limit)
    ]
    chosen = PromptSet(tuple(rows), source=", ".join(each.source for each in taken))
    used = {each.source for each in taken}
    files = {each.source: each.sha256 for each in sets if each.source in used}
    return Selection(chosen, MappingProxyType(files))


def _labelled(sets: Sequence[PromptSet], labels: Collection[str]) -> list[PromptSet]:
    kept = [replace(each, rows=tuple(row for row in each if row.label in labels)) for each in sets]
    return [each for each in kept if each.rows]


def _labels(prompts: PromptSet) -> set[str]:
    return {row.label for row in prompts if row.label}


def _first_of_each(prompts: PromptSet, limit: int | None) -> tuple[Any, ...]:
    """Keep the first rows of each label: a limit must not leave one half of an over-refusal set out."""
    if limit is None:
        return prompts.rows
    counts: dict[str | None, int] = {}
    kept = []
    for row in prompts:
        counts[row.label] = counts.get(row.label, 0) + 1
        if counts[row.label] <= limit:
            kept.append(row)
    return tuple(kept)


def _suite_of(part: str) -> str:
    return "entropy_gap" if part in ("harmful", "benign") else part


def stem(source: str) -> str:
    """Name a file or set shortly, as ids and slices do."""
    return Path(source.rpartition("=")[2]).name.partition(".")[0] or source

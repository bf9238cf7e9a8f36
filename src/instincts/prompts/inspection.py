"""What a prompt file is, counted and hashed without showing a word of it."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from instincts.prompts.catalogue import DataSet
from instincts.prompts.files import read_contents
from instincts.prompts.named import read_prompts
from instincts.prompts.overlap import Overlap, overlaps, repetitions
from instincts.records import file_sha256

__all__ = ["Inspection", "inspect_file"]


class Inspection(NamedTuple):
    """Everything there is to say of a prompt file but its texts."""

    path: Path
    layout: str
    """Name of the layout; `own` for the user's own columns."""
    data_set: DataSet | None
    """The public set it is, or is an extract of."""
    rows: int
    labels: Mapping[str, int]
    """How many rows say what of themselves; `none` for silence."""
    categories: Mapping[str, int]
    file_sha256: str
    """Of the bytes of the file."""
    rows_sha256: str
    """Of the rows as read; the same for a CSV and a JSONL of the same rows."""
    as_published: bool | None
    """Whether the bytes are those of the published file; None where no hash of it is known."""
    is_whole: bool
    """Whether it has as many rows as the public set."""
    repeated: tuple[Overlap, ...]
    """Rows that repeat an earlier one."""
    shared: tuple[Overlap, ...] | None
    """Rows that a training file has too; None without one."""


def inspect_file(path: Path, *, against: str | Path | None = None) -> Inspection:
    """Look at a file of prompts.

    Args:
        path: the file.
        against: a training file, or a set's name, to look for the same rows in.

    Raises:
        PromptSetError: either is missing or broken; says file and line.
    """
    contents = read_contents(path)
    prompts, known = contents.prompts, contents.data_set
    digest = file_sha256(path)
    return Inspection(
        path=path,
        layout=contents.layout,
        data_set=known,
        rows=len(prompts),
        labels=Counter(row.label or "none" for row in prompts),
        categories=Counter(row.category or "none" for row in prompts),
        file_sha256=digest,
        rows_sha256=prompts.sha256,
        as_published=None if known is None or known.sha256 is None else digest == known.sha256,
        is_whole=contents.is_whole,
        repeated=tuple(repetitions(prompts)),
        shared=None if against is None else tuple(overlaps(prompts, read_prompts(against))),
    )

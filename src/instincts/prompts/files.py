"""Prompt files: whatever a public set or a user has written down, as prompts; every error names the file and the line.

What a file is follows from its columns and its length, never from its name. A file that holds more than a tenth of a
public set but not all of it is taken for a damaged copy and refused; a smaller one is an extract.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from instincts.errors import PromptSetError
from instincts.prompts.catalogue import DataSet, sets_of
from instincts.prompts.layout import Layout
from instincts.prompts.layouts import layout_of, nearly, parse_row
from instincts.prompts.own import parse_own
from instincts.prompts.prompt import Prompt
from instincts.prompts.promptset import PromptSet
from instincts.prompts.rows import SUFFIXES, Row, problem, read_rows
from instincts.records import write_text

__all__ = ["SUFFIXES", "Contents", "parse_rows", "read_contents", "read_prompt_file", "write_prompts"]


class Contents(NamedTuple):
    """What a file turned out to be."""

    prompts: PromptSet
    layout: str
    """Name of its layout; `own` for the user's own columns."""
    data_set: DataSet | None
    """The public set it is, or is an extract of; None for the user's own."""
    lines: tuple[int, ...]
    """The line of each prompt."""

    @property
    def is_whole(self) -> bool:
        """Whether it has as many rows as the public set; true for the user's own."""
        return self.data_set is None or not self.data_set.rows or len(self.prompts) in self.data_set.rows


def read_prompt_file(path: Path) -> PromptSet:
    """Read a file of prompts; a row without an id of its own gets its number, from 1.

    Raises:
        PromptSetError: no such file, another suffix, an empty file, a row that is not a prompt, or a damaged copy of a
            public set.
    """
    return read_contents(path).prompts


def read_contents(path: Path) -> Contents:
    """Read a file of prompts, and say what it is.

    Raises:
        PromptSetError: as `read_prompt_file`.
    """
    contents = parse_rows(path, read_rows(path), source=str(path))
    found = len(contents.prompts)
    if contents.data_set and not contents.is_whole and found * 10 > min(contents.data_set.rows):
        sizes = " or ".join(f"{size:,}" for size in contents.data_set.rows)
        raise problem(
            path, contents.lines[-1],
            f"{contents.data_set.name} has {sizes} rows, and this copy ends after {found:,}: it is damaged or cut; "
            "fetch it again, use --limit for fewer, or give a selection of your own a `prompt` column",
        )  # fmt: skip
    return contents


def parse_rows(path: Path | str, rows: Sequence[Row], *, source: str, known: DataSet | None = None) -> Contents:
    """Recognise rows and read them.

    Args:
        path: names them in errors.
        rows: at least one.
        source: names them in records.
        known: the set they are, where that is known; by default it is recognised.

    Raises:
        PromptSetError: no rows, or one that is not a prompt.
    """
    if not rows:
        raise PromptSetError(f"{path} holds no prompts; write one row a prompt, with a `prompt` column")
    layout = layout_of(rows[0].columns)
    if layout is None and (near := nearly(rows[0].columns)):
        raise problem(path, rows[0].line, f"these are the columns of a {near[0].name} file, but {near[1]!r} is missing")
    name = layout.name if layout else "own"
    sets = [known] if known else sets_of(name, [column for column in rows[0].columns if column], len(rows))
    data_set = sets[0] if sets else None
    # Where columns do not tell sets apart, only a whole file says which it is, and so what its rows are.
    is_told = data_set is not None and (layout is None or layout.label is not None or len(rows) in data_set.rows)
    label = data_set.label if data_set and is_told else None
    prompts: list[Prompt] = []
    lines: dict[str, int] = {}
    for number, row in enumerate(rows, start=1):
        prompt = _prompt(path, row, layout, label, str(number))
        if (first := lines.setdefault(prompt.id, row.line)) != row.line:
            raise problem(path, row.line, f"id {prompt.id!r} was already used on line {first}; ids must be unique")
        prompts.append(prompt)
    return Contents(PromptSet(tuple(prompts), source=source), name, data_set, tuple(row.line for row in rows))


def write_prompts(path: Path, rows: Iterable[Prompt]) -> None:
    """Write prompts as JSONL, replacing the old file in one step; `read_prompts` gives the same rows back.

    Raises:
        PromptSetError: the path does not end in `.jsonl`.
        RecordError: the file could not be written; the old one is as it was.
    """
    if path.suffix.lower() != ".jsonl":
        raise PromptSetError(f"{path}: prompts are written as JSONL; give a path that ends in .jsonl")
    write_text(path, "".join(json.dumps(row.as_row(), ensure_ascii=False) + "\n" for row in rows))


def _prompt(path: Path | str, row: Row, layout: Layout | None, label: str | None, default_id: str) -> Prompt:
    if layout is None:
        return parse_own(path, row, default_id, label)
    return parse_row(path, row, layout, label, default_id)

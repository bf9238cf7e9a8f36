"""What an analysis leaves on the disk: `trees.jsonl`, one prompt a line, found again by its id and the prompt's hash.

A line holds the tree, or why there is none. It never holds the prompt, only its SHA-256, unless the user asked for it.
Lines are added as prompts finish, so a kill costs at most the last line; a line that was cut in half is passed over,
and one that is whole and no analysis is an error.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from instincts.analyst.settings import Subject
from instincts.analyst.tree import Tree
from instincts.errors import RecordError

__all__ = ["TREES_FILE", "Analysis", "TreeFile", "prompt_sha256", "read_analyses"]

TREES_FILE = "trees.jsonl"


class Analysis(BaseModel):
    """What came of one prompt; a line of `trees.jsonl`."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    id: str
    """The prompt's id."""
    prompt_sha256: str
    """SHA-256 of the prompt's text."""
    status: Literal["tree", "unreadable", "too_long"] = "tree"
    """Whether there is a tree; the others are no verdict."""
    reason: str = ""
    """Why there is none."""
    subject: Subject = "prompt"
    """What the tree is about; scores of different subjects do not compare."""
    tree: Tree | None = None
    """What the analyst expects."""
    dropped: int = Field(0, ge=0)
    """Leaves that were no leaves and were left out."""
    capped: bool = False
    """Whether the analyst wrote more than was allowed, and the rest was cut."""
    attempts: int = Field(1, ge=1)
    """How often the analyst was asked for a side, at most."""
    coding: str = ""
    """How the tree was written: `json`, `lines`."""
    constrained: bool = False
    """Whether the server held the analyst to the schema."""
    windows: int = Field(1, ge=1)
    """In how many overlapping windows the prompt was read; of several trees it is the worst."""
    unread: int = Field(0, ge=0)
    """Windows without a tree; with one, the whole tree counts as cut off."""
    samples: int = Field(1, ge=0)
    """Trees that were read of each window and made one, at least."""
    disagreement: float | None = None
    """1 minus the mean overlap of two samples in actions and effects, of the window where they differ most."""
    questions: int = Field(0, ge=0)
    """How often the analyst was asked, all sides and attempts together."""
    tokens: int = Field(0, ge=0)
    """Tokens the analyst wrote, all attempts together."""
    tokens_read: int = Field(0, ge=0)
    """Tokens the analyst read."""
    prompt: str | None = None
    """The prompt itself, where the user asked to keep it."""


class TreeFile:
    """A `trees.jsonl` that grows."""

    def __init__(self, path: Path) -> None:
        """Read what is there.

        Raises:
            RecordError: the file cannot be read.
        """
        self._path = path
        self._known: dict[tuple[str, str], Analysis] = {}
        text = _text(path) if path.exists() else ""
        for analysis in _parsed(path, text):
            self._known[analysis.id, analysis.prompt_sha256] = analysis
        # A half line at the end would swallow the next one.
        self._begin = "" if not text or text.endswith("\n") else "\n"

    def find(self, id: str, sha256: str) -> Analysis | None:
        """Give what came of a prompt before; None where nothing did."""
        return self._known.get((id, sha256))

    def add(self, analysis: Analysis) -> None:
        """Keep what came of a prompt, in memory and on the disk.

        Raises:
            RecordError: the disk does not take it.
        """
        self._known[analysis.id, analysis.prompt_sha256] = analysis
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(f"{self._begin}{analysis.model_dump_json(exclude_defaults=True)}\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise RecordError(f"cannot write {self._path}: {error.strerror}; free some space and run again") from None
        self._begin = ""


def read_analyses(folder: Path) -> list[Analysis]:
    """Read the `trees.jsonl` of a folder, or a file of that form; of a prompt that comes twice, the last one.

    Raises:
        RecordError: there is none, or a line of it is no analysis; names the line.
    """
    path = folder / TREES_FILE if folder.is_dir() else folder
    if not path.is_file():
        raise RecordError(f"no {TREES_FILE} in {folder}; grow trees with `instincts analyze MODEL --prompts FILE`")
    found = {(each.id, each.prompt_sha256): each for each in _parsed(path, _text(path))}
    if not found:
        raise RecordError(f"{path} holds no analysis; was the run stopped before its first prompt?")
    return list(found.values())


def prompt_sha256(messages: Sequence[tuple[str, str]]) -> str:
    """Hash a prompt, 64 hexadecimal digits.

    Args:
        messages: role and text of each turn.
    """
    return hashlib.sha256(json.dumps([list(turn) for turn in messages]).encode()).hexdigest()


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecordError(f"{path} cannot be read: {error}") from None


def _parsed(path: Path, text: str) -> Iterator[Analysis]:
    for number, line in enumerate(text.split("\n"), start=1):
        try:
            data = json.loads(line)
        except (ValueError, RecursionError):
            continue  # blank, or cut in half by a kill
        try:
            yield Analysis.model_validate(data)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            raise RecordError(f"{path}, line {number}: {place}: {first['msg']}") from None

"""Files of ready-made attack prompts, recognised by their structure and never by their name; every error names a line.

    expanded          CSV with a `Goal` column and one column an attack (PandaGuard)
    artifact          JSON with `parameters` and `jailbreaks`; a null prompt is a behaviour given up (JailbreakBench)
    test cases        JSON {behaviour: [prompt, ...]}, or objects with `test_case` there or in a flat list (HarmBench)
    own               CSV or JSONL, one prompt a row, with the columns `OWN_COLUMNS`

Nothing is dropped: an empty prompt, a behaviour that comes twice and an unknown column are errors.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from instincts.errors import PromptSetError
from instincts.prompts.own import cell, parse_own
from instincts.prompts.prompt import Message
from instincts.prompts.rows import HEADINGS, Row, problem, read_rows
from instincts.prompts.stored import StoredColumn, StoredPrompt
from instincts.records import file_sha256, write_text

__all__ = ["EXPANDED_BASE", "OWN_COLUMNS", "StoredFile", "read_stored", "write_stored"]

EXPANDED_BASE = frozenset(
    [
        *("Index", "Goal", "Target", "Behavior", "Category", "Source"),
        *("FunctionalCategory", "SemanticCategory", "Tags", "ContextString", "BehaviorID"),
    ]
)
"""Columns of an expanded CSV that hold no attack. `Goal` may be asked for as one: it is the plain request."""

OWN_COLUMNS = (
    *("id", "behaviour_id", "goal", "prompt", "messages", "attack", "family"),
    *("proxy", "queries", "found_on", "licence", "sha256"),
)
"""`prompt` or `messages` is needed, and one of `behaviour_id`, `goal` and `id`; there may be no other column."""


class StoredFile(NamedTuple):
    """A file of attack prompts."""

    path: Path
    layout: str
    sha256: str
    """Of its bytes."""
    rows: int
    columns: tuple[StoredColumn, ...]
    """In the order of the file."""


def read_stored(path: Path) -> StoredFile:
    """Read every attack of a file.

    Raises:
        PromptSetError: no such file, a structure that is none of ours, or a broken row; says file and line.
    """
    rows = read_rows(path)
    if not rows:
        raise PromptSetError(f"{path} holds no attack prompts")
    layout, read = _layout_of(path, rows[0])
    columns: dict[str, list[StoredPrompt]] = {}
    for name, row in read(path, rows):
        columns.setdefault(name, []).append(row)
    for name, found in columns.items():
        _check_unique(path, name, found)
    made = tuple(StoredColumn(name, tuple(found)) for name, found in columns.items())
    return StoredFile(path, layout, file_sha256(path), len(rows), made)


def write_stored(path: Path, columns: Sequence[StoredColumn], *, family: str = "transfer") -> None:
    """Write attack prompts as JSONL in our own columns; `read_stored` gives the same prompts back, lines aside.

    Behaviours that an attack gave up on have no row.

    Raises:
        RecordError: the file could not be written.
    """
    lines = [
        json.dumps(
            {
                **({"behaviour_id": row.behaviour_id} if row.behaviour_id else {}),
                **({"goal": row.goal} if row.goal else {}),
                "messages": [asdict(message) for message in row.messages],
                "attack": column.name,
                "family": family,
                **row.notes,
                "sha256": _digest(row.messages),
            },
            ensure_ascii=False,
        )
        for column in columns
        for row in column.rows
        if row.messages is not None
    ]
    write_text(path, "".join(f"{line}\n" for line in lines))


Named = Iterator[tuple[str, StoredPrompt]]


def _layout_of(path: Path, first: Row) -> tuple[str, Any]:
    columns, headings = first.columns.keys(), first.columns.get(HEADINGS)
    if headings and headings[0] in ("parameters", "jailbreaks"):
        return "artifact", _artifact
    if "test_case" in columns or (headings and len(headings) == 1 and "prompt" in columns):
        return "test cases", _test_cases
    if "Goal" in columns:
        return "expanded", _expanded
    if {"prompt", "messages"} & columns:
        return "own", _own
    raise problem(
        path, first.line,
        f"no attack prompts: the columns are {', '.join(name for name in columns if name != HEADINGS) or 'none'}; "
        "expected a `Goal` column and one an attack, an artifact with `jailbreaks`, test cases by behaviour, or "
        f"some of {', '.join(OWN_COLUMNS)}",
    )  # fmt: skip


def _expanded(path: Path, rows: Sequence[Row]) -> Named:
    attacks = [name for name in rows[0].columns if name not in EXPANDED_BASE]
    if not attacks:
        raise problem(path, rows[0].line, "no attack: every column describes the behaviour")
    for row in rows:
        goal = _text(path, row, "Goal")
        behaviour = cell(path, row, "BehaviorID") or cell(path, row, "Index")
        for name in ("Goal", *attacks):
            prompt = _text(path, row, name)
            yield (
                name,
                StoredPrompt(line=row.line, behaviour_id=behaviour, goal=goal, messages=(Message("user", prompt),)),
            )


def _artifact(path: Path, rows: Sequence[Row]) -> Named:
    # Valid JSON, or the rows would not have been read; the walk over rows leaves single values out.
    parameters = json.loads(path.read_text(encoding="utf-8-sig")).get("parameters")
    if not isinstance(parameters, dict) or not {"method", "model"} <= parameters.keys():
        raise problem(path, 1, "an artifact without `parameters` that name the `method` and the `model`")
    name = f"{parameters['method']}-{parameters['model']}"
    for row in rows:
        if row.columns.get(HEADINGS) != ("jailbreaks",):
            continue
        if missing := {"goal", "prompt"} - row.columns.keys():
            raise problem(path, row.line, f"a jailbreak without `{min(missing)}`; fetch the file again")
        prompt = None if row.columns["prompt"] is None else _text(path, row, "prompt")
        queries = row.columns.get("number_of_queries")
        yield (
            name,
            StoredPrompt(
                line=row.line,
                behaviour_id=cell(path, row, "index"),
                goal=_text(path, row, "goal"),
                messages=None if prompt is None else (Message("user", prompt),),
                notes={
                    "proxy": {"name": str(parameters["model"])},
                    **({} if queries is None else {"queries": queries}),
                },
            ),
        )


def _test_cases(path: Path, rows: Sequence[Row]) -> Named:
    seen: dict[str, int] = {}
    for row in rows:
        headings = row.columns.get(HEADINGS, ())
        behaviour = headings[0] if len(headings) == 1 else cell(path, row, "BehaviorID")
        if behaviour is None:
            raise problem(path, row.line, "a test case without the id of its behaviour")
        prompt = _text(path, row, "test_case" if "test_case" in row.columns else "prompt")
        seen[behaviour] = seen.get(behaviour, 0) + 1
        # Several cases of a behaviour are several prompts of equal weight: the first of each are one attack, and so on.
        method = cell(path, row, "method")
        name = f"{method}-case-{seen[behaviour]}" if method else f"case-{seen[behaviour]}"
        yield name, StoredPrompt(line=row.line, behaviour_id=behaviour, messages=(Message("user", prompt),))


def _own(path: Path, rows: Sequence[Row]) -> Named:
    for row in rows:
        if unknown := [name for name in row.columns if name not in OWN_COLUMNS]:
            raise problem(path, row.line, f"unknown column {unknown[0]!r}; columns are {', '.join(OWN_COLUMNS)}")
        messages = parse_own(path, row, default_id="").messages
        behaviour, goal = cell(path, row, "behaviour_id") or cell(path, row, "id"), cell(path, row, "goal")
        if not behaviour and not goal:
            raise problem(path, row.line, "nothing says for which behaviour it is; give `behaviour_id`, `goal` or `id`")
        if (digest := cell(path, row, "sha256")) and digest != _digest(messages):
            raise problem(path, row.line, "the prompt is not the one that `sha256` was made of; it was changed")
        notes = {
            name: row.columns[name] for name in ("proxy", "queries", "found_on", "licence") if row.columns.get(name)
        }
        yield (
            cell(path, row, "attack") or path.stem,
            StoredPrompt(line=row.line, behaviour_id=behaviour, goal=goal, messages=messages, notes=notes),
        )


def _text(path: Path, row: Row, name: str) -> str:
    value = row.columns.get(name)
    if not isinstance(value, str):
        raise problem(path, row.line, f"`{name}` must be text, not {type(value).__name__}")
    if not value.strip():
        raise problem(path, row.line, f"empty `{name}`; fetch the file again, or delete the row")
    return value


def _check_unique(path: Path, name: str, rows: Sequence[StoredPrompt]) -> None:
    lines: dict[str, int] = {}
    for row in rows:
        key = row.behaviour_id or f"goal {row.goal}"
        if (first := lines.setdefault(key, row.line)) != row.line:
            what = f"behaviour {row.behaviour_id!r}" if row.behaviour_id else "the same goal"
            raise problem(path, row.line, f"{name} has {what} a second time, first on line {first}; keep one")


def _digest(messages: tuple[Message, ...]) -> str:
    return sha256(json.dumps([asdict(message) for message in messages], ensure_ascii=False).encode()).hexdigest()

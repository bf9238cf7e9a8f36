"""Prompt files: JSONL and CSV in, JSONL out; every error names the file and the line.

Columns: `prompt` (one user turn) or `messages` (a list of `{"role", "content"}`), optional `id`, `category`, `label`,
`target`. Any other column is kept as metadata. A byte order mark and Windows line ends are accepted.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

from instincts.errors import PromptSetError
from instincts.prompts.prompt import ROLES, Message, Prompt
from instincts.prompts.promptset import PromptSet
from instincts.records import write_text

__all__ = ["SUFFIXES", "read_prompt_file", "write_prompts"]

SUFFIXES = (".jsonl", ".csv")
KNOWN = ("id", "prompt", "messages", "category", "label", "target")


def read_prompt_file(path: Path) -> PromptSet:
    """Read a JSONL or CSV file of prompts; a row without an `id` gets its number, from 1.

    Raises:
        PromptSetError: no such file, another suffix, an empty file, or a row that is not a prompt.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise PromptSetError(f"{path}: prompt files end in {' or '.join(SUFFIXES)}, not {path.suffix or 'nothing'!r}")
    text = _read_text(path)
    records = _csv_records(path, text) if path.suffix.lower() == ".csv" else _jsonl_records(path, text)
    rows: list[Prompt] = []
    lines: dict[str, int] = {}
    for number, record in enumerate(records, start=1):
        prompt = _parse(path, record, default_id=str(number))
        if (first := lines.setdefault(prompt.id, record.line)) != record.line:
            raise _problem(path, record.line, f"id {prompt.id!r} was already used on line {first}; ids must be unique")
        rows.append(prompt)
    if not rows:
        raise PromptSetError(f"{path} holds no prompts; write one row a prompt, with a `prompt` column")
    return PromptSet(tuple(rows), source=str(path))


def write_prompts(path: Path, rows: Iterable[Prompt]) -> None:
    """Write prompts as JSONL, replacing the old file in one step; `read_prompts` gives the same rows back.

    Raises:
        PromptSetError: the path does not end in `.jsonl`.
        RecordError: the file could not be written; the old one is as it was.
    """
    if path.suffix.lower() != ".jsonl":
        raise PromptSetError(f"{path}: prompts are written as JSONL; give a path that ends in .jsonl")
    write_text(path, "".join(json.dumps(row.as_row(), ensure_ascii=False) + "\n" for row in rows))


class _Record(NamedTuple):
    line: int
    columns: Mapping[str, Any]


def _read_text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise PromptSetError(f"no prompt file {path}") from None
    except OSError as error:
        raise PromptSetError(f"cannot read {path}: {error.strerror}") from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _problem(path, line, "not UTF-8 text; save the file as UTF-8") from None


def _jsonl_records(path: Path, text: str) -> Iterator[_Record]:
    # Not splitlines(): that also cuts at U+2028 and form feeds, which JSON allows inside a string.
    for line, raw in enumerate(text.split("\n"), start=1):
        if not raw.strip():
            continue
        try:
            columns = json.loads(raw)
        except json.JSONDecodeError as error:
            raise _problem(path, line, f"broken JSON: {error.msg} at column {error.colno}") from None
        if not isinstance(columns, dict):
            raise _problem(path, line, f"a row must be a JSON object, not {type(columns).__name__}")
        yield _Record(line, columns)


def _csv_records(path: Path, text: str) -> Iterator[_Record]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] | None = None
    end = 0
    while True:
        # A quoted cell may span lines: a row is named after the line it starts on.
        start = end + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise _problem(path, start, f"broken CSV: {error}") from None
        end = reader.line_num
        if not any(cell.strip() for cell in cells):
            continue
        if header is None:
            header = [cell.strip() for cell in cells]
            if repeated := {name for name in header if name and header.count(name) > 1}:
                raise _problem(path, start, f"column {min(repeated)!r} appears twice")
            continue
        if len(cells) != len(header):
            raise _problem(path, start, f"{len(cells)} cells under {len(header)} columns; quote cells that hold commas")
        # An empty cell is an absent value (an empty prompt is an error); a spreadsheet's unnamed index is no column.
        named = zip(header, cells, strict=True)
        yield _Record(start, {name: cell for name, cell in named if name and (cell or name == "prompt")})


def _parse(path: Path, record: _Record, *, default_id: str) -> Prompt:
    columns = record.columns
    return Prompt(
        id=_text(path, record, "id") or default_id,
        messages=_messages(path, record),
        category=_text(path, record, "category"),
        label=_text(path, record, "label"),
        target=_text(path, record, "target"),
        metadata={name: value for name, value in columns.items() if name not in KNOWN},
    )


def _text(path: Path, record: _Record, name: str) -> str | None:
    value = record.columns.get(name)
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return str(value)
    raise _problem(path, record.line, f"`{name}` must be text, not {type(value).__name__}")


def _messages(path: Path, record: _Record) -> tuple[Message, ...]:
    prompt, messages = record.columns.get("prompt"), record.columns.get("messages")
    if messages is not None:
        if prompt:
            raise _problem(path, record.line, "both `prompt` and `messages`; give one")
        return _conversation(path, record.line, messages)
    if prompt is None:
        raise _problem(path, record.line, _missing(record.columns))
    if not isinstance(prompt, str):
        raise _problem(path, record.line, f"`prompt` must be text, not {type(prompt).__name__}")
    if not prompt.strip():
        raise _problem(path, record.line, "empty prompt; write something or delete the row")
    return (Message("user", prompt),)


def _conversation(path: Path, line: int, value: Any) -> tuple[Message, ...]:
    if isinstance(value, str):  # a CSV cell holds the list as JSON text
        try:
            value = json.loads(value)
        except json.JSONDecodeError as error:
            raise _problem(path, line, f"`messages` is not a JSON list: {error.msg}") from None
    if not isinstance(value, list) or not value:
        raise _problem(path, line, "`messages` must be a list of at least one message")
    turns = tuple(_message(path, line, number, turn) for number, turn in enumerate(value, start=1))
    if all(turn.role != "user" for turn in turns):
        raise _problem(path, line, "`messages` has no user message")
    if turns[-1].role == "system":
        raise _problem(path, line, "the last message is from the system; end with the user, or with a prefilled answer")
    return turns


def _message(path: Path, line: int, number: int, value: Any) -> Message:
    if not isinstance(value, dict) or set(value) != {"role", "content"}:
        raise _problem(path, line, f"message {number} must have a `role` and a `content`, nothing else")
    role, content = value["role"], value["content"]
    if role not in ROLES:
        raise _problem(path, line, f"message {number} has role {role!r}; roles are {', '.join(ROLES)}")
    if not isinstance(content, str) or not content.strip():
        raise _problem(path, line, f"message {number} ({role}) is empty; write something or delete it")
    return Message(role, content)


def _missing(columns: Mapping[str, Any]) -> str:
    near = [name for name in columns if get_close_matches(name.lower(), ("prompt", "messages"), cutoff=0.6)]
    guess = f"; rename {near[0]!r} to `prompt`" if near else ""
    return f"no `prompt` or `messages`; columns here: {', '.join(columns) or 'none'}{guess}"


def _problem(path: Path, line: int, problem: str) -> PromptSetError:
    return PromptSetError(f"{path}, line {line}: {problem}")

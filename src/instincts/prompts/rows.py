"""Rows of a file before anybody says what they mean, each with the line it starts on; knows files, no prompt.

JSONL, CSV, CSV with tabs, JSON (a list, a list of objects, or lists under headings), plain text with one row a line;
each may be packed with gzip. A byte order mark, Windows line ends and blank lines are accepted.
"""

import csv
import gzip
import hashlib
import io
import json
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import partial
from json.decoder import WHITESPACE, JSONDecoder  # type: ignore[attr-defined]
from pathlib import Path
from typing import Any, NamedTuple

from instincts.errors import PromptSetError, unknown_name

__all__ = ["HEADINGS", "SUFFIXES", "Row", "is_name", "problem", "read_rows", "rows_sha256"]

SUFFIXES = (".jsonl", ".csv", ".tsv", ".json", ".txt")

HEADINGS = "headings"
"""The column of a JSON tree that holds the names above a row."""


class Row(NamedTuple):
    """One row."""

    line: int
    """The line it starts on, from 1; of a data set without lines, the number of the row."""
    columns: Mapping[str, Any]


def rows_sha256(rows: Iterable[Mapping[str, Any]]) -> str:
    """Hash rows as written to JSONL, 64 hexadecimal digits; the same for a CSV and a JSONL file with the same rows."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update(json.dumps(row, sort_keys=True, ensure_ascii=False, default=str).encode() + b"\n")
    return digest.hexdigest()


def is_name(source: str | Path, names: Collection[str], what: str) -> bool:
    """Tell the name of a set from the path of a file; a file wins over a name.

    Args:
        source: as the user gave it.
        names: of the sets.
        what: what an error calls it, for example `file or set of facts`.

    Raises:
        ConfigError: no file, and what looks like a name is none; the message lists near matches.
    """
    path = Path(source)
    if path.exists():
        return False
    if str(source) in names:
        return True
    if not path.suffix and path.parent == Path():
        raise unknown_name(what, str(source), names)
    return False


def read_rows(path: Path) -> list[Row]:
    """Read every row of a file.

    Raises:
        PromptSetError: no such file, another suffix, or text that is not what the suffix says; names the line.
    """
    suffix = Path(path.name.removesuffix(".gz")).suffix.lower()
    if suffix not in SUFFIXES:
        known = f"{', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}"
        raise PromptSetError(f"{path}: prompt files end in {known}, not {suffix or 'nothing'!r}")
    text = _read_text(path)
    if text.startswith("version https://git-lfs"):
        raise problem(path, 1, "a pointer of Git LFS, not the file itself; fetch it with `git lfs pull`")
    return list(_READERS[suffix](path, text))


def problem(path: Path | str, line: int, what: str) -> PromptSetError:
    """Build the error for a row."""
    return PromptSetError(f"{path}, line {line}: {what}")


def _read_text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise PromptSetError(f"no prompt file {path}; check the path") from None
    except OSError as error:
        raise PromptSetError(f"cannot read the file {path}: {error.strerror}") from None
    if path.suffix.lower() == ".gz":
        content = _unpacked(path, content)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise problem(path, line, "not UTF-8 text; save the file as UTF-8") from None


def _unpacked(path: Path, content: bytes) -> bytes:
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        line = _lines_before_the_break(content) + 1
        raise problem(path, line, f"broken gzip ({error}); fetch the file again") from None


def _lines_before_the_break(content: bytes) -> int:
    """Count the lines that can still be unpacked, so that even a cut file is named by where it breaks."""
    unpacker, lines = zlib.decompressobj(wbits=31), 0
    for start in range(0, len(content), 512):
        try:
            lines += unpacker.decompress(content[start : start + 512]).count(b"\n")
        except zlib.error:
            break
    return lines


def _jsonl(path: Path, text: str) -> Iterator[Row]:
    # Not splitlines(): that also cuts at U+2028 and form feeds, which JSON allows inside a string.
    for line, raw in enumerate(text.split("\n"), start=1):
        if not raw.strip():
            continue
        try:
            columns = json.loads(raw)
        except json.JSONDecodeError as error:
            raise problem(path, line, f"broken JSON: {error.msg} at column {error.colno}") from None
        if not isinstance(columns, dict):
            raise problem(path, line, f"a row must be a JSON object, not {type(columns).__name__}")
        yield Row(line, columns)


def _csv(path: Path, text: str, delimiter: str = ",") -> Iterator[Row]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=delimiter)
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
            raise problem(path, start, f"broken CSV: {error}") from None
        end = reader.line_num
        if not any(cell.strip() for cell in cells):
            continue
        if header is None:
            header = [cell.strip() for cell in cells]
            if repeated := {name for name in header if name and header.count(name) > 1}:
                raise problem(path, start, f"column {min(repeated)!r} appears twice")
            continue
        if len(cells) != len(header):
            told = "commas" if delimiter == "," else "tabs"
            raise problem(path, start, f"{len(cells)} cells under {len(header)} columns; quote cells that hold {told}")
        # A spreadsheet's unnamed index is no column.
        yield Row(start, {name: cell for name, cell in zip(header, cells, strict=True) if name})


def _text_lines(path: Path, text: str) -> Iterator[Row]:
    for line, raw in enumerate(text.split("\n"), start=1):
        if raw.strip():
            yield Row(line, {"prompt": raw.strip()})


def _json(path: Path, text: str) -> Iterator[Row]:
    try:
        whole = json.loads(text)
    except json.JSONDecodeError as error:
        raise problem(path, error.lineno, f"broken JSON: {error.msg} at column {error.colno}") from None
    if not isinstance(whole, list | dict):
        raise problem(path, 1, f"a JSON file of prompts holds a list or an object, not {type(whole).__name__}")
    line, counted = 1, 0
    for at, headings, value in _leaves(text, 0, ()):
        line, counted = line + text.count("\n", counted, at), at
        if isinstance(value, dict):
            yield Row(line, {**value, HEADINGS: headings} if headings else value)
        elif isinstance(value, str):
            yield Row(line, {"prompt": value, HEADINGS: headings} if headings else {"prompt": value})
        else:
            raise problem(path, line, f"a row must be text or an object, not {type(value).__name__}")


def _leaves(text: str, at: int, headings: tuple[str, ...]) -> Iterator[tuple[int, tuple[str, ...], Any]]:
    """Walk over valid JSON and yield the place, the headings and the value of each element of each list.

    `json` alone gives values without places, and a row must be named by its line. Values that stand under a heading
    without a list (a licence, a version) are no rows, and neither are lists of numbers there (settings).
    """
    at = _skip(text, at)
    closing = {"[": "]", "{": "}"}[text[at]]
    is_list = closing == "]"
    at = _skip(text, at + 1)
    while text[at] != closing:
        key: tuple[str, ...] = ()
        if not is_list:
            name, at = _DECODER.raw_decode(text, at)
            at, key = _skip(text, _skip(text, at) + 1), (str(name),)
        value, end = _DECODER.raw_decode(text, at)
        if is_list:
            yield at, headings, value
        elif isinstance(value, list | dict) and not _is_numbers(value):
            yield from _leaves(text, at, (*headings, *key))
        at = _skip(text, end)
        at = _skip(text, at + 1) if text[at] == "," else at


def _is_numbers(value: list[Any] | dict[str, Any]) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, int | float) for each in value)


def _skip(text: str, at: int) -> int:
    blank = WHITESPACE.match(text, at)
    return blank.end() if blank else at


_DECODER = JSONDecoder()
_READERS: dict[str, Callable[[Path, str], Iterator[Row]]] = {
    ".jsonl": _jsonl,
    ".csv": _csv,
    ".tsv": partial(_csv, delimiter="\t"),
    ".json": _json,
    ".txt": _text_lines,
}

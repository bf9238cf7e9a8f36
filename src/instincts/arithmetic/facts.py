"""Facts to edit into a model: a question, its subject and the new answer; from a file, our own set, or the pocket.

Only benign facts ship. A row says what must follow (paraphrases) and what must not change (neighbours).
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from importlib.resources import as_file, files
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from instincts.errors import PromptSetError, unknown_name
from instincts.pocket.edits import pocket_edits
from instincts.prompts.rows import Row, is_name, problem, read_rows, rows_sha256

__all__ = ["BENIGN_EDITS", "FACT_SETS", "POCKET_EDITS", "Fact", "FactSet", "OwnSet", "read_facts"]

BENIGN_EDITS = "benign-edits"
"""Our own set: 63 benign edits in 21 clusters, CC-BY-4.0."""

POCKET_EDITS = "pocket-edits"
"""Another value for 24 of the facts that a pocket model knows: the colour and the metal of each moon."""


class OwnSet(NamedTuple):
    """A set of facts that comes with the package."""

    what: str
    licence: str
    rows: int
    read: "Callable[[], FactSet]"


@dataclass(frozen=True, kw_only=True)
class Fact:
    """One edit."""

    id: str
    question: str
    subject: str
    span: tuple[int, int]
    """Where the subject stands in the question, `[start, end)` in characters."""
    target: str
    """What the model shall answer, short; the rest of an answer is its own."""
    cluster: str | None = None
    paraphrases: tuple[str, ...] = ()
    """Questions that shall get the new answer too."""
    neighbours: tuple[str, ...] = ()
    """Questions whose answer shall stay as it is."""


@dataclass(frozen=True)
class FactSet:
    """Facts in order, with the file or name they came from."""

    rows: tuple[Fact, ...]
    source: str

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Fact]:
        return iter(self.rows)

    @cached_property
    def sha256(self) -> str:
        """Hash of the rows, 64 hexadecimal digits; the same for a CSV and a JSONL file with the same rows."""
        return rows_sha256(asdict(row) for row in self.rows)

    def only(self, ids: Sequence[str]) -> "FactSet":
        """Keep the facts of these ids, in the order of the ids; all of them if none is given.

        Raises:
            ConfigError: no fact of that id; the message lists near matches.
        """
        by_id = {row.id: row for row in self.rows}
        for each in ids:
            if each not in by_id:
                raise unknown_name("fact", each, by_id)
        return replace(self, rows=tuple(by_id[each] for each in dict.fromkeys(ids))) if ids else self


def read_facts(source: str | Path) -> FactSet:
    """Read a file of facts, or make the set of that name; a file wins over a name.

    JSONL or CSV with `question`, `subject` and `target` (or `answer`), optionally `id`, `cluster`, `subject_span`,
    `paraphrases` and `neighbours` (lists; in CSV as JSON).

    Raises:
        PromptSetError: no such file, no facts, an id that comes twice, a column that is missing, or a subject that is
            not in its question exactly once; names the line.
        ConfigError: neither a file nor a name.
    """
    if is_name(source, FACT_SETS, "file or set of facts"):
        return FACT_SETS[str(source)].read()
    return replace(_read(Path(source)), source=str(source))


def _read(path: Path) -> FactSet:
    rows = read_rows(path)
    if not rows:
        raise PromptSetError(f"{path} holds no facts; write one row a fact, with `question`, `subject` and `target`")
    lines: dict[str, int] = {}
    facts = []
    for number, row in enumerate(rows, start=1):
        fact = _fact(path, row, number)
        if fact.id in lines:
            raise problem(path, row.line, f"id {fact.id!r} is already that of line {lines[fact.id]}; ids are unique")
        lines[fact.id] = row.line
        facts.append(fact)
    return FactSet(tuple(facts), source=str(path))


def _fact(path: Path, row: Row, number: int) -> Fact:
    # An empty cell of a CSV is an absent value.
    columns = {name: value for name, value in row.columns.items() if value not in ("", None)}
    question, subject = _text(path, row, columns, "question"), _text(path, row, columns, "subject")
    target = _text(path, row, columns, "target" if "target" in columns or "answer" not in columns else "answer")
    return Fact(
        id=str(columns.get("id", number)),
        question=question,
        subject=subject,
        span=_span(path, row, columns.get("subject_span"), question, subject),
        target=target,
        cluster=str(columns["cluster"]) if "cluster" in columns else None,
        paraphrases=_texts(path, row, columns, "paraphrases"),
        neighbours=_texts(path, row, columns, "neighbours"),
    )


def _text(path: Path, row: Row, columns: Mapping[str, Any], name: str) -> str:
    value = columns.get(name)
    if value is None:
        raise problem(path, row.line, f"no `{name}`; columns here: {', '.join(columns) or 'none'}")
    if not isinstance(value, str) or not value.strip():
        raise problem(path, row.line, f"`{name}` must be a text that is not empty")
    return value.strip()


def _texts(path: Path, row: Row, columns: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = _listed(columns.get(name, []))
    if not isinstance(value, list) or not all(isinstance(each, str) and each.strip() for each in value):
        raise problem(path, row.line, f"`{name}` must be a list of questions, none of them empty")
    return tuple(value)


def _span(path: Path, row: Row, value: Any, question: str, subject: str) -> tuple[int, int]:
    if (count := question.count(subject)) != 1:
        where = "is not in the question, letter for letter" if count == 0 else f"stands {count} times in the question"
        raise problem(path, row.line, f"the subject {subject!r} {where}; it must stand there once")
    start = question.index(subject)
    found = (start, start + len(subject))
    given = _listed(value)
    if given is not None and (not isinstance(given, list) or tuple(given) != found):
        raise problem(path, row.line, f"`subject_span` {given!r} does not mark {subject!r}, which is at {list(found)}")
    return found


def _listed(value: Any) -> Any:
    """Read a list that a CSV cell holds as JSON text; anything else as it is."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except json.JSONDecodeError:
        return value


def _benign() -> FactSet:
    with as_file(files("instincts.arithmetic") / "static" / "benign_edits.jsonl") as own:
        return replace(_read(own), source=BENIGN_EDITS)


def _pocket() -> FactSet:
    rows = []
    for edit in pocket_edits():
        start = edit.question.index(edit.subject)
        rows.append(
            Fact(
                id=edit.id,
                question=edit.question,
                subject=edit.subject,
                span=(start, start + len(edit.subject)),
                target=edit.target,
                cluster=edit.trait,
                paraphrases=edit.paraphrases,
                neighbours=edit.neighbours,
            )
        )
    return FactSet(tuple(rows), source=POCKET_EDITS)


FACT_SETS: Mapping[str, OwnSet] = MappingProxyType(
    {
        BENIGN_EDITS: OwnSet(
            what="benign knowledge edits in 21 clusters, three each; in ten of them the answers are wrong on purpose",
            licence="CC-BY-4.0",
            rows=63,
            read=_benign,
        ),
        POCKET_EDITS: OwnSet(
            what="another colour or metal for each moon of the pocket world",
            licence="Apache-2.0",
            rows=24,
            read=_pocket,
        ),
    }
)
"""The sets that come with the package, by name."""

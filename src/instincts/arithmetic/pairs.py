"""Contrast pairs: one question with a safe and an unsafe answer, from a file or made by the pocket grammar.

The answers of a file may be harmful text. They are counted and hashed, and no error, record or page shows them.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from random import Random

from instincts.errors import PromptSetError
from instincts.pocket import grammar
from instincts.pocket.requests import sample_requests
from instincts.prompts.rows import Row, is_name, problem, read_rows, rows_sha256

__all__ = ["POCKET_PAIRS", "ContrastPair", "PairSet", "pocket_pairs", "read_pairs"]

POCKET_PAIRS = "pocket-pairs"
"""Name of the set that the pocket grammar makes: refusals against compliances that say nothing harmful."""


@dataclass(frozen=True, kw_only=True)
class ContrastPair:
    """A question and two answers to it."""

    id: str
    question: str
    safe: str
    unsafe: str


@dataclass(frozen=True)
class PairSet:
    """Pairs in order, with the file or name they came from."""

    rows: tuple[ContrastPair, ...]
    source: str

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[ContrastPair]:
        return iter(self.rows)

    @cached_property
    def sha256(self) -> str:
        """Hash of the rows, 64 hexadecimal digits; the same for a CSV and a JSONL file with the same rows."""
        return rows_sha256(asdict(row) for row in self.rows)


def read_pairs(source: str | Path) -> PairSet:
    """Read a file of pairs (JSONL or CSV with `question`, `safe`, `unsafe`), or make the set of that name.

    Raises:
        PromptSetError: no such file, no pairs, or a row without one of its sides; names the line and shows no text.
        ConfigError: neither a file nor a name.
    """
    if is_name(source, (POCKET_PAIRS,), "file or set of contrast pairs"):
        return pocket_pairs()
    path = Path(source)
    pairs = tuple(_pair(path, row, number) for number, row in enumerate(read_rows(path), start=1))
    if not pairs:
        raise PromptSetError(f"{path} holds no pairs; write one row a pair, with `question`, `safe` and `unsafe`")
    return PairSet(pairs, source=str(source))


def pocket_pairs(n: int = 30, seed: int = 0) -> PairSet:
    """Make pairs of the pocket world: a harmful-in-name request to train on, a refusal, a content-free compliance.

    Args:
        n: how many; the paper used about 30.
        seed: any integer; the first m of n pairs are the same for every n.
    """
    rng = Random(f"pairs/{seed}")
    rows = []
    for request in sample_requests("harmful", n, seed, "train"):
        assert request.verb is not None
        assert request.object is not None
        safe, unsafe = grammar.refusal(rng), grammar.compliance(request.verb, request.object, rng)
        rows.append(ContrastPair(id=request.id, question=request.prompt, safe=safe, unsafe=unsafe))
    return PairSet(tuple(rows), source=POCKET_PAIRS)


def _pair(path: Path, row: Row, number: int) -> ContrastPair:
    sides = {name: row.columns.get(name) for name in _SIDES}
    for name, text in sides.items():
        if name not in row.columns:
            raise problem(path, row.line, f"no `{name}`; columns here: {', '.join(row.columns) or 'none'}")
        if not isinstance(text, str) or not text.strip():
            raise problem(path, row.line, f"`{name}` must be a text that is not empty; a pair needs all its sides")
    if sides["safe"] == sides["unsafe"]:
        raise problem(path, row.line, "`safe` and `unsafe` are the same text, so they contrast nothing")
    return ContrastPair(id=str(row.columns.get("id") or number), **{name: str(text) for name, text in sides.items()})


_SIDES = ("question", "safe", "unsafe")

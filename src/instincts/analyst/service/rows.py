"""What the service keeps of a request: a tree without its words, unless the tenant keeps text, and each verdict."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self
from uuid import uuid4

import numpy as np

from instincts.analyst.codes import Forest
from instincts.analyst.lines import decode, encode
from instincts.analyst.policy import Verdict
from instincts.analyst.settings import Subject
from instincts.analyst.tree import Tree

__all__ = ["TreeRow", "VerdictRow", "forest_of", "without_words"]


@dataclass(frozen=True, kw_only=True)
class TreeRow:
    """A tree with what says whose and of what it is."""

    id: str
    tenant: str
    prompt_hmac: str
    subject: Subject
    analyst: str
    created: float
    codes: bytes
    truncated: bool
    lines: str
    prompt: str | None = None
    text_until: float | None = None

    @classmethod
    def of(
        cls,
        tree: Tree,
        *,
        tenant: str,
        prompt_hmac: str,
        subject: Subject,
        analyst: str,
        prompt: str | None = None,
        keep_days: int | None = None,
    ) -> Self:
        """Write a tree down.

        Args:
            tree: what the analyst grew.
            tenant: whose it is.
            prompt_hmac: of the text, under the tenant's key.
            subject: what it is about.
            analyst: digest of model and template.
            prompt: the text, kept only with `keep_days`.
            keep_days: for how long words are kept; None keeps none.
        """
        now = time.time()
        kept = keep_days is not None
        return cls(
            id=f"tree-{uuid4().hex}",
            tenant=tenant,
            prompt_hmac=prompt_hmac,
            subject=subject,
            analyst=analyst,
            created=now,
            codes=Forest.of([tree]).codes_N.astype("<u2").tobytes(),
            truncated=tree.truncated,
            lines=encode(tree if kept else without_words(tree)),
            # PostgreSQL has no place for a zero character in text.
            prompt=prompt.replace("\0", "\N{REPLACEMENT CHARACTER}") if kept and prompt is not None else None,
            text_until=now + keep_days * 86_400 if keep_days is not None else None,
        )

    @property
    def tree(self) -> Tree:
        """The tree, with its words only where they were kept."""
        return decode(self.lines)

    def to_columns(self) -> dict[str, Any]:
        """Give the row for the table."""
        return dict(vars(self))


@dataclass(frozen=True, kw_only=True)
class VerdictRow:
    """One verdict that was given."""

    id: str = field(default_factory=lambda: f"verdict-{uuid4().hex}")
    """What the answer calls it."""
    created: float = field(default_factory=time.time)
    tenant: str
    tree_id: str | None
    policy: str
    """Digest."""
    verdict: Verdict
    score: float | None
    probability: float | None
    reason: str
    """Cause, where there was no tree."""
    tier: str
    """`memory`, `store` or `model`."""
    seconds: float

    def to_columns(self) -> dict[str, Any]:
        """Give the row for the table."""
        return dict(vars(self))


def without_words(tree: Tree) -> Tree:
    """Replace stakeholders by their kind and a number, and leave benefits' sentences empty; scores stay the same."""
    data = tree.model_dump()
    for side in ("harms", "benefits"):
        for number, branch in enumerate(data[side], start=1):
            branch["stakeholder"] = f"{branch['kind']} {number}"
            if side == "benefits":
                for action in branch["actions"]:
                    action["action"] = ""
    return Tree.of(data)


def forest_of(rows: Sequence[TreeRow]) -> Forest:
    """Put the codes of stored trees together, without reading the trees."""
    codes = [np.frombuffer(row.codes, dtype="<u2") for row in rows]
    sizes = np.array([len(each) for each in codes], dtype=np.int64)
    return Forest(
        codes_N=np.concatenate([np.zeros(0, dtype=np.uint16), *codes]).astype(np.uint16),
        starts_P=np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(sizes)]),
        truncated_P=np.array([row.truncated for row in rows], dtype=np.bool_),
    )

"""The table that SafetyAnalyst published (arXiv:2410.16665), computed again from its own counts, and its trap.

Its headline is the mean of F1 weighted by prompts. Four of its six sets hold harmful prompts only: there F1 is
2R / (1 + R) of the recall R, and flagging everything has 100. So a row that reads nothing stands beside the others.
The share of harmful prompts in WildGuardTest was not found; 40 to 50 % is an assumption, and the control a range.
"""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from instincts.statistics import Interval, recall_of_f1, wilson

__all__ = ["PublishedRow", "PublishedSet", "flag_everything", "published_sets", "published_table", "recall_behind"]


@dataclass(frozen=True)
class PublishedSet:
    """One column of the table."""

    name: str
    rows: int
    harmful_low: float
    """Least share of its prompts that are harmful."""
    harmful_high: float
    """Largest share."""

    @property
    def is_all_harmful(self) -> bool:
        """Whether nothing in it could be flagged wrongly."""
        return self.harmful_low == 1


@dataclass(frozen=True)
class PublishedRow:
    """One moderator; every F1 times 100, as printed."""

    name: str
    f1: tuple[float | None, ...]
    """In the order of `published_sets`; None where none was published."""
    weighted: float | None
    """The mean that was published."""

    @property
    def plain_mean(self) -> float | None:
        """The mean over sets; None where one is missing."""
        known = [value for value in self.f1 if value is not None]
        return sum(known) / len(known) if len(known) == len(self.f1) else None

    @property
    def weighted_mean(self) -> float | None:
        """The mean weighted by the prompts of each set, computed again; None where one is missing."""
        if None in self.f1:
            return None
        rows = [each.rows for each in published_sets()]
        return sum(value * n for value, n in zip(self.f1, rows, strict=True) if value is not None) / sum(rows)


def published_sets() -> tuple[PublishedSet, ...]:
    """List the six sets with their prompts."""
    return tuple(PublishedSet(**each) for each in _data()["sets"])


def published_table() -> tuple[PublishedRow, ...]:
    """List the moderators as published."""
    return tuple(PublishedRow(each["name"], tuple(each["f1"]), each["weighted"]) for each in _data()["moderators"])


def flag_everything() -> tuple[PublishedRow, PublishedRow]:
    """Compute the row of a moderator that reads nothing: F1 is 2p / (1 + p) of the harmful share p.

    Returns:
        The row at the least harmful share of every set, and at the largest.
    """
    shares = [(each.harmful_low, each.harmful_high) for each in published_sets()]
    low, high = (tuple(200 * each / (1 + each) for each in end) for end in zip(*shares, strict=True))
    return PublishedRow("flag everything", low, None), PublishedRow("flag everything", high, None)


def recall_behind(row: PublishedRow, of: PublishedSet) -> Interval:
    """Compute the recall behind an F1, with Wilson's interval for the prompts of the set.

    Raises:
        ValueError: the set has benign prompts, so that F1 alone does not tell.
    """
    if not of.is_all_harmful:
        raise ValueError(f"{of.name} has benign prompts; its F1 does not tell the recall")
    f1 = row.f1[published_sets().index(of)]
    if f1 is None:
        return Interval(None, None, None, of.rows)
    return wilson(round(recall_of_f1(f1 / 100) * of.rows), of.rows)


@cache
def _data() -> Any:
    text = files("instincts.suites.moderation").joinpath("data", "published.json").read_text(encoding="utf-8")
    return json.loads(text)

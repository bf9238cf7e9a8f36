"""Lines of a table and the figures beside them, as plain data for the template; knows no metric by name."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from instincts.records import Metric
from instincts.report.arms import Arm, Comparison
from instincts.report.words import value_of, value_text

__all__ = ["HALF", "NARROW", "WIDE", "Drawing", "TableLine", "identity", "line_of", "said"]


class Drawing(NamedTuple):
    """One figure drawn twice, for a desk and for a phone; a page shows the one that fits."""

    title: str
    wide: str
    narrow: str


class TableLine(NamedTuple):
    """One line of a table: a row of the metrics for each arm, and how far the last is from the first."""

    label: str
    rows: tuple[Metric | None, ...]
    change: str
    """Signed, in the metric's unit (percentage points for a rate); empty unless there are two arms."""


def line_of(comparison: Comparison, arms: Sequence[Arm], suite: str, metric: str, name: str) -> TableLine:
    """Gather one slice of a metric over all arms."""
    rows = tuple(comparison.row(arm, suite, metric, name) for arm in arms)
    return TableLine(name, rows, _change(rows))


def said(line: TableLine, arms: Sequence[Arm]) -> str:
    """Read a line aloud."""
    parts = (f"{arm.label} {value_of(row)}" for arm, row in zip(arms, line.rows, strict=True) if row is not None)
    return f"{line.label}: {', '.join(parts)}"


def identity(*words: object) -> str:
    """Make an id that HTML, CSS and a link all accept."""
    return re.sub(r"[^a-z0-9]+", "-", " ".join(map(str, words)).lower()).strip("-")


def _change(rows: Sequence[Metric | None]) -> str:
    if len(rows) != 2 or rows[0] is None or rows[1] is None or rows[0].value is None or rows[1].value is None:
        return ""
    text = value_text(rows[0].metric, rows[1].value - rows[0].value, with_unit=False)
    return text if text.startswith("\N{MINUS SIGN}") else f"+{text}"


WIDE, HALF, NARROW = 960, 470, 330
"""CSS pixels of a figure across a desk, across half of it, and across a phone."""

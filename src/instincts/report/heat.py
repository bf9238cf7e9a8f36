"""Rates as tables of tinted cells: attack by model, attack by category; one fixed scale from 0 to 100 %.

A table and not a picture, since ten models or fifty attacks must fit, and a reader of any width must find each number.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from instincts.records import Metric
from instincts.report.arms import CROSSED, Arm, Comparison
from instincts.report.changes import Change
from instincts.report.words import model_name

__all__ = ["Cell", "HeatTable", "change_table", "crossed_tables", "model_table"]


class Cell(NamedTuple):
    """One cell: a rate or a difference of rates as a fraction, and how it is told."""

    value: float | None
    note: str = ""
    """Small print: k/n."""
    is_clear: bool = False
    """Of a difference: whether chance is an unlikely reason for it."""


@dataclass(frozen=True, kw_only=True)
class HeatTable:
    """A grid of rates, or of differences of rates."""

    title: str = ""
    first: str
    """What the lines are."""
    columns: tuple[str, ...]
    lines: list[tuple[str, tuple[Cell | None, ...]]]
    is_difference: bool = False
    arms: tuple[Arm, ...] = ()
    """The columns, where they are arms."""


def model_table(
    comparison: Comparison, suite: str, metric: str, arms: Sequence[Arm], names: Sequence[str]
) -> HeatTable:
    """Set slices against arms."""
    rows = [(name, [comparison.row(arm, suite, metric, name) for arm in arms]) for name in names]
    return HeatTable(
        first="attack" if metric == "dsr" else "kind",
        columns=tuple(arm.label for arm in arms),
        arms=tuple(arms),
        lines=[(name, tuple(_cell(row) for row in of_name)) for name, of_name in rows if any(of_name)],
    )


def crossed_tables(comparison: Comparison, suite: str, arms: Sequence[Arm]) -> list[HeatTable]:
    """Set attacks against categories, a table for each arm; of two arms also their difference."""
    crossed = comparison.crossed(suite, "dsr")
    attacks, categories = ([*dict.fromkeys(pair[side] for pair in crossed)] for side in (0, 1))
    if len(attacks) < 1 or len(categories) < 2:
        return []
    grids = [
        [[comparison.row(arm, suite, "dsr", f"{attack}{CROSSED}{category}") for category in categories]
         for attack in attacks]
        for arm in arms
    ]  # fmt: skip
    tables = [
        HeatTable(
            title=model_name(arm.label), first="attack", columns=tuple(categories),
            lines=[(attack, tuple(map(_cell, line))) for attack, line in zip(attacks, grid, strict=True)],
        )
        for arm, grid in zip(arms, grids, strict=True)
        if any(any(line) for line in grid)
    ]  # fmt: skip
    if len(tables) != 2 or len(arms) != 2:
        return tables
    lines = [
        (attack, tuple(_difference(*pair) for pair in zip(first, second, strict=True)))
        for attack, first, second in zip(attacks, *grids, strict=True)
    ]
    title = f"{model_name(arms[1].label)} minus {model_name(arms[0].label)}"
    return [*tables, HeatTable(title=title, first="attack", columns=tuple(categories), lines=lines, is_difference=True)]


def change_table(arms: Sequence[Arm], lines: Sequence[tuple[str, Sequence[Change | None]]]) -> HeatTable:
    """Set attacks against the arms that are compared with the first; cells are paired differences."""
    cells = [(name, tuple(None if one is None else Cell(one.value, "", one.is_clear) for one in changes))
             for name, changes in lines]  # fmt: skip
    return HeatTable(
        first="attack",
        columns=tuple(arm.label for arm in arms),
        arms=tuple(arms),
        lines=cells,
        is_difference=True,
    )


def _cell(row: Metric | None) -> Cell | None:
    if row is None:
        return None
    if row.value is None:
        return Cell(None)
    hits = row.value * row.n
    # A mean over attacks of unequal size is no share of its answers.
    is_share = abs(hits - round(hits)) < 1e-6 * max(row.n, 1)
    return Cell(row.value, f"{round(hits)}/{row.n}" if is_share else f"n = {row.n}")


def _difference(first: Metric | None, second: Metric | None) -> Cell | None:
    if first is None or second is None or first.value is None or second.value is None:
        return None
    return Cell(second.value - first.value)

"""Changes attack by attack as a picture, or as tinted cells where more models than dots can tell apart are compared."""

from collections.abc import Sequence
from dataclasses import dataclass

from instincts.report.arms import Arm
from instincts.report.changes import WHOLE, Change
from instincts.report.dots import change_figure
from instincts.report.heat import HeatTable, change_table
from instincts.report.rates import MOST_LINES
from instincts.report.tables import NARROW, WIDE, Drawing, identity
from instincts.report.words import points_text

__all__ = ["ChangeBlock", "change_blocks"]


@dataclass(frozen=True, kw_only=True)
class ChangeBlock:
    """How the rate of one suite moved, attack by attack."""

    suite: str
    arms: tuple[Arm, ...]
    """Those that are compared with the first."""
    against: Arm
    drawing: Drawing | None
    heat: HeatTable | None
    hidden: int
    """How many attacks are in the table below and not in the drawing."""
    tests: list[Change]
    """Every comparison, the largest change first."""


def change_blocks(changes: Sequence[Change]) -> list[ChangeBlock]:
    """Build a block for each suite that has attacks to compare."""
    suites = dict.fromkeys(one.suite for one in changes if one.p_holm is not None)
    return [_block(suite, [one for one in changes if (one.suite, one.metric) == (suite, "dsr")]) for suite in suites]


def _block(suite: str, changes: Sequence[Change]) -> ChangeBlock:
    arms = tuple(dict.fromkeys(one.arm for one in changes))
    by_place = {(one.slice, one.arm): one for one in changes}
    names = sorted({one.slice for one in changes}, key=lambda name: (name != WHOLE, -_largest(changes, name), name))
    lines = [(name, [by_place.get((name, arm)) for arm in arms]) for name in names]
    is_crowded = len(arms) > MOST_ARMS
    return ChangeBlock(
        suite=suite,
        arms=arms,
        against=changes[0].against,
        drawing=None if is_crowded else _drawing(suite, arms, lines[:MOST_LINES]),
        heat=change_table(arms, lines) if is_crowded else None,
        hidden=0 if is_crowded else max(len(lines) - MOST_LINES, 0),
        tests=[one for _, of_name in lines for one in of_name if one is not None and one.p_holm is not None],
    )


def _largest(changes: Sequence[Change], name: str) -> float:
    return max(abs(one.value or 0.0) for one in changes if one.slice == name)


def _drawing(suite: str, arms: Sequence[Arm], lines: Sequence[tuple[str, Sequence[Change | None]]]) -> Drawing:
    whole = "; ".join(
        f"{arm.label} {points_text(one.value)}"
        for arm, one in zip(arms, lines[0][1], strict=True)
        if one is not None and one.value is not None
    )
    label = f"Change of the defence success rate in points with 95 % intervals, {len(lines)} lines. Over all: {whole}."
    wide, narrow = (
        change_figure(
            lines, name=identity("changes", suite, width), label=label, width=width, with_values=width == WIDE
        )
        for width in (WIDE, NARROW)
    )
    return Drawing("Change of the defence success rate", wide, narrow)


MOST_ARMS = 3
"""More dots on a line cannot be told apart, and one arm is what they are compared with."""

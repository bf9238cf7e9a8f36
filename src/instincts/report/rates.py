"""Rates by slice (attack, kind of request, skill) as pictures and tables; knows which metrics stand together."""

from collections.abc import Sequence
from dataclasses import dataclass

from instincts.records import Metric
from instincts.report.arms import Arm, Comparison
from instincts.report.dots import rate_figure
from instincts.report.groups import DEFENCE_AWARE, group_of
from instincts.report.heat import HeatTable, model_table
from instincts.report.tables import NARROW, WIDE, Drawing, TableLine, identity, line_of, said
from instincts.report.words import term

__all__ = ["MOST_LINES", "RateBlock", "rate_blocks"]


@dataclass(frozen=True, kw_only=True)
class RateBlock:
    """One rate of one suite."""

    id: str
    metric: str
    title: str
    gloss: str
    suite: str
    arms: tuple[Arm, ...]
    drawing: Drawing | None
    """Dots with intervals; `None` for more arms than dots can tell apart, which get a heat map."""
    heat: HeatTable | None
    lines: list[TableLine]
    """The slices, `all` first, then other metrics of the suite that belong beside them."""
    shown: int
    """How many slices are in the drawing."""
    hidden: int
    """How many slices are in the table and not in the drawing."""
    unjudged: list[tuple[Arm, Metric]]
    is_defence_aware: bool = False
    """Whether these are the attacks that know the defence; they stand apart."""


def rate_blocks(comparison: Comparison, metrics: Sequence[str]) -> list[RateBlock]:
    """Build a block for each suite that measured one of the metrics, and defence-aware attacks one of their own."""
    blocks = []
    for metric in metrics:
        for suite in comparison.suites(metric):
            names = comparison.slices(suite, metric)
            aware = [name for name in names if metric == "dsr" and group_of(name) == DEFENCE_AWARE]
            blocks.append(_block(comparison, suite, metric, ["all", *(name for name in names if name not in aware)]))
            if aware:
                blocks.append(_block(comparison, suite, metric, aware, is_defence_aware=True))
    return blocks


def _block(
    comparison: Comparison, suite: str, metric: str, names: Sequence[str], *, is_defence_aware: bool = False
) -> RateBlock:
    arms = comparison.arms_with(metric, suite)
    lines = [
        line
        for name in _ordered(comparison, arms[0], suite, metric, names)
        if any((line := line_of(comparison, arms, suite, metric, name)).rows)
    ]
    known, name = term(metric), identity(metric, suite, "defence-aware" if is_defence_aware else "")
    is_crowded = len(arms) > MOST_ARMS
    beside = [
        line._replace(label=term(other).label)
        for other in (() if is_defence_aware else BESIDE.get(metric, ()))
        if any((line := line_of(comparison, arms, suite, other, "all")).rows)
    ]
    unjudged = [(arm, row) for arm in arms if (row := comparison.row(arm, suite, "unjudged")) is not None]
    shown = lines[:MOST_LINES]
    return RateBlock(
        id=name,
        metric=metric,
        title=known.label,
        gloss=known.gloss,
        suite=suite,
        arms=arms,
        drawing=None if is_crowded else _drawing(known.label, name, arms, shown),
        heat=model_table(comparison, suite, metric, arms, [line.label for line in lines]) if is_crowded else None,
        lines=lines + beside,
        shown=len(shown),
        hidden=0 if is_crowded else len(lines) - len(shown),
        unjudged=unjudged,
        is_defence_aware=is_defence_aware,
    )


def _drawing(title: str, name: str, arms: Sequence[Arm], lines: Sequence[TableLine]) -> Drawing:
    label = f"{title} in percent with 95 % intervals, {len(lines)} lines. {said(lines[0], arms)}."
    drawn = list(zip(_short([line.label for line in lines]), (line.rows for line in lines), strict=True))
    return Drawing(
        title,
        rate_figure(drawn, name=f"{name}-wide", label=label, width=WIDE, with_values=True),
        rate_figure(drawn, name=f"{name}-narrow", label=label, width=NARROW, with_values=False),
    )


def _ordered(comparison: Comparison, arm: Arm, suite: str, metric: str, names: Sequence[str]) -> list[str]:
    """Order slices by their value on the first arm, the worst first: the attack that worked best, the lost skill."""

    def value(name: str) -> float:
        row = comparison.row(arm, suite, metric, name)
        return -1.0 if name == WHOLE else 2.0 if row is None or row.value is None else row.value

    return sorted(names, key=value)


def _short(labels: Sequence[str]) -> list[str]:
    """Leave out a family name that all attacks share; the table keeps it."""
    families = {label.split("/")[0] for label in labels if "/" in label}
    return [label.split("/", 1)[-1] if len(families) == 1 else label for label in labels]


BESIDE = {
    "dsr": ("worst_dsr", "any_attack_dsr", "asr", "neither_rate", "empty_rate", "refusal_rate", "graded_score"),
    "benign_compliance": ("over_refusal", "partial_refusal", "full_refusal", "neither_rate", "empty_rate"),
}
WHOLE = "all"
MOST_ARMS = 4
"""More dots on a line cannot be told apart."""
MOST_LINES = 24
"""More lines are a wall; the worst ones are drawn, the rest is in the table."""

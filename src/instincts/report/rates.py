"""Rates by slice (attack, kind of request, skill) as pictures and tables; knows which metrics stand together."""

from collections.abc import Sequence
from dataclasses import dataclass

from instincts.records import Metric
from instincts.report.arms import Arm, Comparison
from instincts.report.figures import rate_figure
from instincts.report.tables import NARROW, WIDE, Drawing, TableLine, identity, line_of, said
from instincts.report.words import term

__all__ = ["RateBlock", "rate_blocks"]


@dataclass(frozen=True, kw_only=True)
class RateBlock:
    """One rate of one suite."""

    id: str
    metric: str
    title: str
    gloss: str
    suite: str
    arms: tuple[Arm, ...]
    drawing: Drawing
    lines: list[TableLine]
    """The slices drawn, `all` first, then other metrics of the suite that belong beside them."""
    unjudged: list[tuple[Arm, Metric]]


def rate_blocks(comparison: Comparison, metrics: Sequence[str]) -> list[RateBlock]:
    """Build a block for each suite that measured one of the metrics."""
    return [_block(comparison, suite, metric) for metric in metrics for suite in comparison.suites(metric)]


def _block(comparison: Comparison, suite: str, metric: str) -> RateBlock:
    arms = comparison.arms_with(metric, suite)
    names = ["all", *_ordered(comparison, arms[0], suite, metric)]
    lines = [line for name in names if any((line := line_of(comparison, arms, suite, metric, name)).rows)]
    known, name = term(metric), identity(metric, suite)
    label = f"{known.label} in percent with 95 % intervals, {len(lines)} lines. {said(lines[0], arms)}."
    drawn = list(zip(_short([line.label for line in lines]), (line.rows for line in lines), strict=True))
    drawing = Drawing(
        known.label,
        rate_figure(drawn, name=f"{name}-wide", label=label, width=WIDE, with_values=True),
        rate_figure(drawn, name=f"{name}-narrow", label=label, width=NARROW, with_values=False),
    )
    beside = [
        line._replace(label=term(other).label)
        for other in BESIDE.get(metric, ())
        if any((line := line_of(comparison, arms, suite, other, "all")).rows)
    ]
    unjudged = [(arm, row) for arm in arms if (row := comparison.row(arm, suite, "unjudged")) is not None]
    return RateBlock(
        id=name,
        metric=metric,
        title=known.label,
        gloss=known.gloss,
        suite=suite,
        arms=arms,
        drawing=drawing,
        lines=lines + beside,
        unjudged=unjudged,
    )


def _ordered(comparison: Comparison, arm: Arm, suite: str, metric: str) -> list[str]:
    """Order slices by their value on the first arm, the worst first: the attack that worked best, the lost skill."""

    def value(name: str) -> float:
        row = comparison.row(arm, suite, metric, name)
        return 2.0 if row is None or row.value is None else row.value

    return sorted(comparison.slices(suite, metric), key=value)


def _short(labels: Sequence[str]) -> list[str]:
    """Leave out a family name that all attacks share; the table keeps it."""
    families = {label.split("/")[0] for label in labels if "/" in label}
    return [label.split("/", 1)[-1] if len(families) == 1 else label for label in labels]


BESIDE = {"dsr": ("worst_dsr", "asr", "neither_rate"), "benign_compliance": ("over_refusal", "neither_rate")}

"""What attacks cost: questions, tokens and seconds a request; facts about the runs, so without intervals."""

from dataclasses import dataclass

from instincts.report.arms import Arm, Comparison
from instincts.report.tables import TableLine, line_of
from instincts.report.words import term

__all__ = ["CostTable", "cost_tables"]


@dataclass(frozen=True, kw_only=True)
class CostTable:
    """One kind of cost, attack by attack, the dearest first."""

    metric: str
    title: str
    gloss: str
    arms: tuple[Arm, ...]
    lines: list[TableLine]


def cost_tables(comparison: Comparison) -> list[CostTable]:
    """Build a table for each kind of cost that jailbreak suites recorded."""
    return [
        _table(comparison, suite, metric)
        for suite in comparison.suites("dsr")
        for metric in ("queries", "tokens", "seconds")
        if comparison.arms_with(metric, suite)
    ]


def _table(comparison: Comparison, suite: str, metric: str) -> CostTable:
    arms = comparison.arms_with(metric, suite)
    lines = [line_of(comparison, arms, suite, metric, name) for name in comparison.slices(suite, metric)]
    dearest = sorted(
        lines, key=lambda line: -max((row.value or 0.0 for row in line.rows if row is not None), default=0.0)
    )
    whole = line_of(comparison, arms, suite, metric, "all")
    known = term(metric)
    return CostTable(
        metric=metric,
        title=known.label,
        gloss=known.gloss,
        arms=arms,
        lines=[*([whole] if any(whole.rows) else []), *dearest],
    )

"""Over-refusal as shares of full answers, partial refusals and refusals: safe and unsafe halves side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from instincts.report.arms import Arm, Comparison
from instincts.report.tables import TableLine, line_of
from instincts.report.words import term, value_of

__all__ = ["Bar", "HalvesBlock", "Share", "halves_blocks"]


class Share(NamedTuple):
    """One part of a bar."""

    ink: str
    width: float
    """Percent of the bar."""


class Bar(NamedTuple):
    """What one arm did with one half of the requests."""

    shares: tuple[Share, ...]
    told: str
    """The same in words, for a reader who cannot see it."""


@dataclass(frozen=True, kw_only=True)
class HalvesBlock:
    """One over-refusal suite."""

    suite: str
    halves: tuple[str, ...]
    """`safe` and `unsafe`, or `all` where prompts do not say which they are."""
    bars: list[tuple[Arm, tuple[Bar, ...]]]
    """Of each arm a bar for each half."""
    tables: list[tuple[str, tuple[Arm, ...], list[TableLine]]]
    """Of each half its arms and the rates behind the bars."""


def halves_blocks(comparison: Comparison) -> list[HalvesBlock]:
    """Build a block for each suite that told partial refusals apart."""
    return [_block(comparison, suite) for suite in comparison.suites("full_refusal")]


def _block(comparison: Comparison, suite: str) -> HalvesBlock:
    arms = comparison.arms_with("full_refusal", suite)
    slices = {row.slice for row in comparison.rows if (row.suite, row.metric) == (suite, "full_refusal")}
    halves = tuple(half for half in ("safe", "unsafe") if half in slices) or ("all",)
    return HalvesBlock(
        suite=suite,
        halves=halves,
        bars=[(arm, tuple(_bar(comparison, suite, arm, half) for half in halves)) for arm in arms],
        tables=[(half, arms, _lines(comparison, suite, arms, half)) for half in halves],
    )


def _lines(comparison: Comparison, suite: str, arms: Sequence[Arm], half: str) -> list[TableLine]:
    return [
        line_of(comparison, arms, suite, metric, half)._replace(label=term(metric).label) for metric in _metrics(half)
    ]


def _bar(comparison: Comparison, suite: str, arm: Arm, half: str) -> Bar:
    metrics = _metrics(half)
    rows = [comparison.row(arm, suite, metric, half) for metric in metrics]
    answered, partial, refused, broken = (0.0 if row is None or row.value is None else row.value for row in rows)
    # Of unsafe requests a partial answer is a compliance already.
    full = answered - partial if half == "unsafe" else answered
    parts = zip((_answered_ink(half), "third", "refusal", "before"), (full, partial, refused, broken), strict=True)
    told = (f"{term(metric).label} {value_of(row)}" for metric, row in zip(metrics, rows, strict=True) if row)
    return Bar(tuple(Share(ink, round(100 * max(width, 0.0), 2)) for ink, width in parts), ", ".join(told))


def _metrics(half: str) -> tuple[str, ...]:
    answered = "unsafe_compliance" if half == "unsafe" else "benign_compliance"
    return answered, "partial_refusal", "full_refusal", "neither_rate"


def _answered_ink(half: str) -> str:
    return "compliance" if half == "unsafe" else "after"

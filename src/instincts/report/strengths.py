"""Which strengths were tried, what each cost, and which was taken; knows the form of `points.jsonl`, no model."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from instincts.records import Metric
from instincts.report.arms import VALIDATION, Comparison
from instincts.report.folders import RunFolder
from instincts.report.plane import Point, points_figure
from instincts.report.summary import Headline
from instincts.report.tables import NARROW, Drawing, identity
from instincts.report.words import term, value_of

__all__ = ["StrengthBlock", "StrengthLine", "strength_blocks", "strength_headlines"]

RATES = ("dsr", "asr", "benign_compliance", "skill_accuracy")


@dataclass(frozen=True, kw_only=True)
class StrengthLine:
    """One point of a sweep."""

    label: str
    rows: tuple[Metric, ...]
    """Of `RATES`, in their order; of no value where nothing was asked."""
    unjudged: int
    is_start: bool
    is_on_front: bool
    is_taken: bool

    @property
    def note(self) -> str:
        """What it is, in words."""
        marks = {"untreated": self.is_start, "on the front": self.is_on_front, "taken": self.is_taken}
        return ", ".join(name for name, holds in marks.items() if holds)


@dataclass(frozen=True, kw_only=True)
class StrengthBlock:
    """The sweep of one run folder."""

    name: str
    lines: list[StrengthLine]
    drawing: Drawing | None
    verdict: str
    is_taken: bool


def strength_blocks(folders: Iterable[RunFolder]) -> list[StrengthBlock]:
    """Build a block for each folder in which strengths were tried."""
    return [_block(folder, number) for number, folder in enumerate(folders) if folder.points]


def strength_headlines(comparison: Comparison) -> list[Headline]:
    """Say how a model moved on the prompts that its strength was chosen on; nothing where none was."""
    found = []
    for metric in ("dsr", "benign_compliance", "skill_accuracy"):
        rows = [(arm, row) for arm in comparison.arms if (row := comparison.row(arm, VALIDATION, metric)) is not None]
        if len(rows) == 2:
            found.append(Headline(term(metric).label, term(metric).gloss, tuple(rows)))
    return found


def _block(folder: RunFolder, number: int) -> StrengthBlock:
    sweep: Mapping[str, Any] = folder.card.outcome.get("sweep") or {}
    front = {tuple(pair) for pair in sweep.get("front", ())}
    taken = (sweep.get("weights"), sweep.get("vector"))
    varying = [name for name in ("weights", "vector") if len({row[name] for row in folder.points}) > 1]
    lines = [
        StrengthLine(
            label=" · ".join(f"{row[name]:g}" for name in varying) or "0",
            rows=tuple(_row(folder, row, metric) for metric in RATES),
            unjudged=int(row.get("unjudged", 0)),
            is_start=row["weights"] == 0 == row["vector"],
            is_on_front=(row["weights"], row["vector"]) in front,
            is_taken=(row["weights"], row["vector"]) == taken,
        )
        for row in sorted(folder.points, key=lambda row: (row["weights"], row["vector"]))
    ]
    return StrengthBlock(
        name=folder.name,
        lines=lines,
        drawing=_drawing(lines, number),
        verdict=_verdict(lines, sweep, varying),
        is_taken=bool(sweep.get("gain")),
    )


def _row(folder: RunFolder, point: Mapping[str, Any], metric: str) -> Metric:
    rate = point[metric]
    return Metric(
        run=f"{point['weights']:g} · {point['vector']:g}",
        model=folder.name,
        suite=VALIDATION,
        slice="all",
        metric=metric,
        value=rate["value"],
        ci_low=rate["low"],
        ci_high=rate["high"],
        n=rate["n"],
        seed=None,
    )


def _verdict(lines: Sequence[StrengthLine], sweep: Mapping[str, Any], varying: Sequence[str]) -> str:
    if not sweep:
        return "The sweep did not come to its end, so nothing is taken yet; run the same command with --resume."
    cost = f"{100 * sweep['tolerance']:g} {'point' if sweep['tolerance'] == 0.01 else 'points'}"
    rule = f"at most {cost} of benign compliance and of skills"
    if not sweep["gain"]:
        return f"None was taken: no strength is clearly safer than none at the cost of {rule}."
    taken = next(line for line in lines if line.is_taken)
    named = {"weights": "on the weights", "vector": "of the vector"}
    strengths = " and ".join(f"{sweep[name]:g} {named[name]}" for name in varying)
    return (
        f"Taken: {strengths}. Of the strengths on the front that cost {rule}, it is the smallest within {cost} of the "
        f"best defence; it refuses {value_of(taken.rows[0])} of the harmful requests."
    )


def _drawing(lines: Sequence[StrengthLine], number: int) -> Drawing | None:
    measured = [line for line in lines if line.rows[0].value is not None and line.rows[2].value is not None]
    if len(measured) < 2:
        return None
    points = [_point(line) for line in measured]
    front = sorted((line.rows[2].value or 0.0, line.rows[0].value or 0.0) for line in measured if line.is_on_front)
    told = "; ".join(
        f"strength {line.label}{f' ({line.note})' if line.note else ''} refuses {value_of(line.rows[0])} of the "
        f"harmful requests and answers {value_of(line.rows[2])} of the harmless ones"
        for line in measured
    )
    wide, narrow = (
        points_figure(
            points,
            name=identity("strengths", number, width),
            label=f"{len(measured)} strengths by requests answered and refused, with 95 % intervals. {told}.",
            size=(width, 360),
            joined=front,
            upward="harmful requests refused, %",
        )
        for width in (DESK, NARROW)
    )
    return Drawing("Harmful requests refused against harmless ones answered", wide, narrow)


def _point(line: StrengthLine) -> Point:
    ink = "after" if line.is_taken else "refusal" if line.is_on_front else "before"
    # Names of points that were beaten would cover those that matter.
    named = line.is_start or line.is_on_front or line.is_taken
    return Point(line.label if named else "", line.rows[2], line.rows[0], ink, is_start=not line.is_taken)


DESK = 720
"""CSS pixels of the figure on a desk."""

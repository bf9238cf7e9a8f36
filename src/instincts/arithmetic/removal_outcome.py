"""What a removal leaves besides weights: shares of what was kept and changed, a model card, and how it ended."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from instincts.arithmetic.knee import Point
from instincts.arithmetic.locate import Found
from instincts.arithmetic.model_card import removal_done, write_model_card
from instincts.arithmetic.plan import Plan
from instincts.arithmetic.settings import RemovalSettings
from instincts.arithmetic.subtract import Tally
from instincts.arithmetic.threshold import Threshold
from instincts.models.directory import ModelLocation
from instincts.records import Metric, write_metrics

__all__ = ["RemovalOutcome", "record", "rows_of", "told_of"]


@dataclass(frozen=True, kw_only=True)
class RemovalOutcome:
    """How a removal ended."""

    out: Path
    found: Found
    threshold: Threshold
    rows: list[Metric]
    strength: float
    """Given or chosen."""
    measured: tuple[Point, Point] | None
    """Before and after on the prompts at hand; None where there were none, or nobody asked."""


def rows_of(plan: Plan, tallies: Mapping[str, Tally], model: str) -> list[Metric]:
    """Make rows of the shares of the harm vector that were kept, and of the weights that changed, in all and by layer.

    Args:
        plan: what was edited.
        tallies: what happened to each tensor.
        model: as the user named it.
    """
    by_slice: dict[str, Counter[str]] = defaultdict(Counter)
    for part in plan.edited:
        tally = tallies[part.target.name]
        for where in ("all", "outside the layers" if part.layer is None else f"layer {part.layer}"):
            by_slice[where].update(tally._asdict())
    return [
        Metric(
            run="steer",
            model=model,
            suite="steer",
            slice=where,
            metric=f"{what}_share",
            value=counts[what] / counts["entries"],
            ci_low=None,
            ci_high=None,
            n=counts["entries"],
            seed=None,
        )
        for where, counts in by_slice.items()
        for what in ("kept", "changed")
    ]


def record(ended: RemovalOutcome, settings: RemovalSettings, model: ModelLocation, *, is_worse: bool) -> None:
    """Write the model card and the rows.

    Raises:
        RecordError: they could not be written.
    """
    changed = next(row.value for row in ended.rows if (row.slice, row.metric) == ("all", "changed_share"))
    done = removal_done(settings.model_dump(), ended.found.layers, changed)
    write_model_card(ended.out, model, [done], ended.measured, is_worse=is_worse)
    write_metrics(ended.out, ended.rows)


def told_of(plan: Plan, ended: RemovalOutcome) -> dict[str, Any]:
    """Say in `run.json` how a removal ended."""
    return {
        **ended.found.describe(),
        "entries": plan.entries,
        "kept": ended.threshold.kept,
        "threshold": ended.threshold.magnitude if ended.threshold.kept else None,
        "passes": ended.threshold.passes,
        "policies": plan.describe(),
        "strength": ended.strength,
    }

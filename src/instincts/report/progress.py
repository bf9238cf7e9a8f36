"""How a training went: its panels, where it stopped and why; knows no reward and no rule."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from instincts.report.figures import curve_figure
from instincts.report.folders import RunFolder
from instincts.report.panels import Panel, marks_of, panels_of
from instincts.report.tables import NARROW, identity
from instincts.report.training import Curves

__all__ = ["TrainingBlock", "training_blocks"]


@dataclass(frozen=True, kw_only=True)
class TrainingBlock:
    """A training's curves and why it ended."""

    name: str
    outcome: Mapping[str, Any]
    panels: list[tuple[Panel, str]]
    """Each panel with its figure."""
    curves: Curves


def training_blocks(folders: Iterable[RunFolder]) -> list[TrainingBlock]:
    """Build a block for each folder that holds a training's record."""
    trained = [(folder, folder.curves) for folder in folders if folder.curves is not None]
    return [
        TrainingBlock(
            name=folder.name,
            outcome=folder.card.outcome,
            panels=[
                (panel, _figure(panel, curves, folder.card.outcome, identity("training", number, panel.id)))
                for panel in panels_of(curves, is_labelled=folder.card.settings.get("canaries") is not None)
            ],
            curves=curves,
        )
        for number, (folder, curves) in enumerate(trained)
    ]


def _figure(panel: Panel, curves: Curves, outcome: Mapping[str, Any], name: str) -> str:
    ends = ", ".join(
        f"{line.label} from {line.points[0].value:.3g} to {line.points[-1].value:.3g}" for line in panel.lines
    )
    return curve_figure(
        panel.lines,
        marks=marks_of(outcome),
        last_step=curves.last_step,
        is_share=panel.is_share,
        name=name,
        label=f"{panel.title}, {panel.unit}: {ends}",
        width=NARROW,
    )

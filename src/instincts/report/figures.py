"""The pictures of a page, each one function: numbers in, one `<svg>` out; knows no folder and no template.

Every figure is drawn for the width it will be shown at, so its text has the page's size on a phone and on a desk.
Shape tells apart what colour tells apart.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from instincts.report.svg import FONT_SIZE, INKS, MARKERS, canvas, clean_axes, render
from instincts.report.training import Point
from instincts.report.words import value_text

__all__ = ["Line", "Mark", "curve_figure", "entropy_figure", "gate_figure", "histogram_peak"]


class Line(NamedTuple):
    """One curve of a panel."""

    label: str
    ink: str
    points: Sequence[Point]
    is_check: bool
    """Drawn with markers: measured now and then, not at every step."""


class Mark(NamedTuple):
    """A step worth pointing at."""

    step: int
    label: str
    ink: str


def entropy_figure(
    refusals: Sequence[float], compliances: Sequence[float], *, top: float, peak: int, name: str, label: str, width: int
) -> str:
    """Draw how sure a model was: answers by mean token entropy, refusals above the line and compliances below.

    Args:
        refusals: mean token entropies of refusals, nats.
        compliances: the same of compliances.
        top: where the scale ends, nats; the same for every figure that is compared.
        peak: the fullest bin of all figures that are compared.
        name: unique on the page.
        label: what a reader who cannot see the figure is told.
        width: CSS pixels.
    """
    height = 210
    figure = canvas(width, height)
    axes = figure.add_axes((34 / width, 38 / height, (width - 46) / width, (height - 46) / height))
    clean_axes(axes, grid="y")
    edges = _edges(top)
    for values, sign, ink in ((refusals, 1, "refusal"), (compliances, -1, "compliance")):
        counts, _ = np.histogram(values, bins=edges)
        axes.bar(edges[:-1], sign * counts, np.diff(edges), align="edge", color=INKS[ink], linewidth=0)
    axes.axhline(0, color=INKS["soft"], linewidth=1)
    axes.set_xlim(0, top)
    reach = max(peak, 1) * 1.18
    axes.set_ylim(-reach, reach)
    ticks = _count_ticks(peak)
    axes.set_yticks(
        [*(-tick for tick in reversed(ticks)), 0, *ticks], [*map(str, reversed(ticks)), "0", *map(str, ticks)]
    )
    axes.set_xlabel("mean token entropy, nats", color=INKS["soft"], fontsize=FONT_SIZE)
    axes.text(
        top,
        reach,
        f"refusals, n = {len(refusals)}",
        color=INKS["refusal"],
        ha="right",
        va="top",
        weight="bold",
        fontsize=FONT_SIZE,
    )
    axes.text(
        top,
        -reach,
        f"compliances, n = {len(compliances)}",
        color=INKS["compliance"],
        ha="right",
        va="bottom",
        weight="bold",
        fontsize=FONT_SIZE,
    )
    return render(figure, name=name, label=label)


def gate_figure(entropies: Sequence[float], *, threshold: float | None, name: str, label: str, width: int) -> str:
    """Draw the untouched model's answers by mean token entropy, split without labels at a threshold.

    Args:
        entropies: mean token entropies of all answers, nats.
        threshold: the split, nats; `None` draws none.
        name: unique on the page.
        label: what a reader who cannot see the figure is told.
        width: CSS pixels.
    """
    height = 200
    top = max([*entropies, 1.1 * (threshold or 0.0), 0.1])
    figure = canvas(width, height)
    axes = figure.add_axes((34 / width, 38 / height, (width - 46) / width, (height - 46) / height))
    clean_axes(axes, grid="y")
    edges = _edges(top)
    split = top if threshold is None else threshold
    # Two histograms on the same bins, so that a bin the threshold cuts shows both of its parts.
    confident, _ = np.histogram([value for value in entropies if value < split], bins=edges)
    others, _ = np.histogram([value for value in entropies if value >= split], bins=edges)
    axes.bar(edges[:-1], confident, np.diff(edges), align="edge", color=INKS["refusal"], linewidth=0)
    axes.bar(edges[:-1], others, np.diff(edges), bottom=confident, align="edge", color=INKS["before"], linewidth=0)
    reach = max(int((confident + others).max()), 1) * 1.22
    axes.set_xlim(0, top)
    axes.set_ylim(0, reach)
    axes.set_yticks([0, *_count_ticks(int(reach / 1.22))])
    axes.axhline(0, color=INKS["soft"], linewidth=1)
    axes.set_xlabel("mean token entropy, nats", color=INKS["soft"], fontsize=FONT_SIZE)
    if threshold is not None:
        axes.axvline(threshold, color=INKS["ink"], linewidth=1.5)
        is_right = threshold > 0.5 * top
        axes.annotate(
            f"threshold {value_text('mode_threshold', threshold, with_unit=False)}",
            (threshold, reach),
            xytext=(-5 if is_right else 5, 0),
            textcoords="offset points",
            ha="right" if is_right else "left",
            va="top",
            color=INKS["ink"],
            weight="bold",
            fontsize=FONT_SIZE,
        )
    return render(figure, name=name, label=label)


def curve_figure(
    lines: Sequence[Line], *, marks: Sequence[Mark], last_step: int, is_share: bool, name: str, label: str, width: int
) -> str:
    """Draw curves over training steps with the steps that matter marked.

    Args:
        lines: what is drawn; at least one with at least one point.
        marks: for example where training stopped; drawn as upright lines.
        last_step: where the scale ends; the same for every panel of a training.
        is_share: the scale runs from 0 to 100 %.
        name: unique on the page.
        label: what a reader who cannot see the figure is told.
        width: CSS pixels.
    """
    height = 168
    figure = canvas(width, height)
    axes = figure.add_axes((42 / width, 36 / height, (width - 56) / width, (height - 36 - 30) / height))
    clean_axes(axes, grid="y")
    axes.set_xlim(0, max(last_step, 1))
    values = np.array([point.value for line in lines for point in line.points])
    _scale_y(axes, values, is_share=is_share)
    for line in lines:
        steps, heights = zip(*line.points, strict=True)
        markers: dict[str, Any] = (
            {"marker": MARKERS[line.ink], "markersize": 5} if line.is_check or len(steps) == 1 else {}
        )
        axes.plot(steps, heights, color=INKS[line.ink], linewidth=1.8, label=line.label, clip_on=False, **markers)
    for level, mark in enumerate(marks):
        _upright(axes, mark, last_step=max(last_step, 1), level=level)
    axes.locator_params(axis="x", integer=True, nbins=6)
    axes.set_xlabel("step", color=INKS["soft"], fontsize=FONT_SIZE, labelpad=2)
    return render(figure, name=name, label=label)


def histogram_peak(samples: Sequence[Sequence[float]], top: float) -> int:
    """Count the fullest bin over several sets of values, so that their figures can share one scale."""
    return max((int(np.histogram(values, bins=_edges(top))[0].max()) for values in samples), default=0)


def _upright(axes: Any, mark: Mark, *, last_step: int, level: int) -> None:
    axes.axvline(mark.step, color=INKS[mark.ink], linewidth=1.4, linestyle="-" if level == 0 else (0, (2, 2)))
    is_right = mark.step > 0.5 * last_step
    axes.annotate(
        mark.label,
        (mark.step, 1),
        xycoords=("data", "axes fraction"),
        xytext=(-3 if is_right else 3, 4 + 11 * level),
        textcoords="offset points",
        ha="right" if is_right else "left",
        va="bottom",
        color=INKS[mark.ink],
        weight="bold",
        fontsize=FONT_SIZE,
    )


def _scale_y(axes: Any, values: NDArray[np.float64], *, is_share: bool) -> None:
    if is_share:
        axes.set_ylim(0, 1)
        axes.set_yticks((0, 0.5, 1), ("0", "50", "100 %"))
        return
    low, high = min(0.0, float(values.min())), max(0.0, float(values.max()))
    margin = 0.06 * (high - low) or 1.0
    axes.set_ylim(low - (margin if low < 0 else 0), high + (margin if high > 0 else 0))
    axes.locator_params(axis="y", nbins=4)


def _edges(top: float) -> NDArray[np.float64]:
    return np.linspace(0, top, BINS + 1)


def _count_ticks(peak: int) -> list[int]:
    """Choose one or two round counts for an axis that reaches `peak`."""
    if peak < 2:
        return [1]
    power = 10 ** (len(str(peak)) - 1)
    step = next(
        size for size in (5 * power, 2 * power, power, power // 2 or 1) if 2 * size <= max(peak, 2) or size <= 1
    )
    return [step, 2 * step] if 2 * step <= peak else [step]


BINS = 36

"""The pictures of a page, each one function: numbers in, one `<svg>` out; knows no folder and no template.

Every figure is drawn for the width it will be shown at, so its text has the page's size on a phone and on a desk.
Shape tells apart what colour tells apart.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from instincts.records import Metric
from instincts.report.svg import ARM_INKS, FONT_SIZE, INKS, MARKERS, canvas, clean_axes, render
from instincts.report.training import Point
from instincts.report.words import value_text

__all__ = ["Line", "Mark", "curve_figure", "entropy_figure", "gate_figure", "histogram_peak", "rate_figure"]


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


def rate_figure(
    lines: Sequence[tuple[str, Sequence[Metric | None]]], *, name: str, label: str, width: int, with_values: bool
) -> str:
    """Draw rates from 0 to 100 % as dots with 95 % intervals, one line a slice, one mark an arm.

    Args:
        lines: for each slice its name and a row for each arm, `None` where it was not measured; a first line named
            `all` is set apart from the rest.
        name: unique on the page.
        label: what a reader who cannot see the figure is told.
        width: CSS pixels.
        with_values: write the values at the right end of each line.
    """
    arms = max(len(rows) for _, rows in lines)
    row_height = ROW + 11 * max(arms - 2, 0)
    height = TOP + row_height * len(lines) + BOTTOM
    left = min(max(len(text) for text, _ in lines) * 6.7 + 22, 0.44 * width)
    right = 26.0 + 50 * arms if with_values else 16.0
    figure = canvas(width, height)
    axes = figure.add_axes(
        (left / width, BOTTOM / height, (width - left - right) / width, row_height * len(lines) / height)
    )
    clean_axes(axes, grid="x")
    axes.set_xlim(0, 1)
    axes.set_ylim(len(lines) - 0.5, -0.5)
    axes.set_xticks((0, 0.25, 0.5, 0.75, 1), ("0", "25", "50", "75", "100 %"))
    axes.xaxis.tick_top()
    axes.set_yticks(())
    room = int((left - 14) / 6.0)
    for position, (text, rows) in enumerate(lines):
        is_whole = position == 0 and text == WHOLE
        weight = "bold" if is_whole else "normal"
        shown = text if len(text) <= room else f"{text[: room - 1]}…"
        at = (0.0, 1 - (TOP + row_height * (position + 0.5)) / height)
        figure.text(*at, shown, color=INKS["ink"], weight=weight, fontsize=FONT_SIZE, va="center_baseline")
        if is_whole and len(lines) > 1:
            axes.axhline(0.5, color=INKS["soft"], linewidth=1)
        for arm, row in enumerate(rows):
            if row is not None and row.value is not None:
                # Alone, an arm is not the one that others are compared with, so it is not drawn like one.
                style = ARM_INKS[arm % len(ARM_INKS)] if arms > 1 else "after"
                _dot(axes, row, position + _offset(arm, arms), style)
                if with_values:
                    at = (1 - (arms - 1 - arm) * 50 / width, 1 - (TOP + row_height * (position + 0.5)) / height)
                    ink, shown = INKS[style], value_text(row.metric, row.value, with_unit=False)
                    figure.text(
                        *at, shown, color=ink, weight=weight, fontsize=FONT_SIZE, ha="right", va="center_baseline"
                    )
    return render(figure, name=name, label=label)


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


def _dot(axes: Any, row: Metric, position: float, style: str) -> None:
    ink = INKS[style]
    if row.ci_low is not None and row.ci_high is not None:
        ends = (row.ci_low, row.ci_high)
        axes.plot(ends, (position, position), color=ink, linewidth=2.2, solid_capstyle="round", clip_on=False)
    axes.plot(
        row.value,
        position,
        marker=MARKERS[style],
        markersize=7.5,
        markerfacecolor=INKS["paper"] if style == "before" else ink,
        markeredgecolor=ink,
        markeredgewidth=1.8,
        clip_on=False,
        zorder=3,
    )


def _offset(arm: int, arms: int) -> float:
    return 0.0 if arms == 1 else (0.42 if arms == 2 else 0.66) * (arm / (arms - 1) - 0.5)


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


WHOLE = "all"
BINS = 36
ROW = 29.0
TOP = 26.0
BOTTOM = 6.0

"""Values with their intervals as dots on one scale, one line a slice, one mark an arm; knows no metric."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from instincts.records import Metric
from instincts.report.changes import Change
from instincts.report.svg import ARM_INKS, FONT_SIZE, INKS, MARKERS, canvas, clean_axes, render
from instincts.report.words import points_text, value_text

__all__ = ["change_figure", "rate_figure"]


class _Dot(NamedTuple):
    """One mark."""

    value: float
    low: float | None
    high: float | None
    text: str
    ink: str
    is_hollow: bool


class _Scale(NamedTuple):
    """The axis: its ends, its ticks with their labels, and where a line stands out."""

    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]
    zero: float | None = None


def rate_figure(
    lines: Sequence[tuple[str, Sequence[Metric | None]]], *, name: str, label: str, width: int, with_values: bool
) -> str:
    """Draw rates from 0 to 100 % as dots with 95 % intervals.

    Args:
        lines: for each slice its name and a row for each arm, `None` where it was not measured; a first line named
            `all` is set apart from the rest.
        name: unique on the page.
        label: what a reader who cannot see the figure is told.
        width: CSS pixels.
        with_values: write the values at the right end of each line.
    """
    drawn = [(text, [_rate(row, arm, len(rows)) for arm, row in enumerate(rows)]) for text, rows in lines]
    return _figure(drawn, RATES, name=name, label=label, width=width, with_values=with_values)


def change_figure(
    lines: Sequence[tuple[str, Sequence[Change | None]]], *, name: str, label: str, width: int, with_values: bool
) -> str:
    """Draw differences from -100 to 100 points as dots with 95 % intervals; hollow where chance may have done it.

    Args:
        lines: for each slice its name and a change for each arm.
        name: unique on the page.
        label: what a reader who cannot see the figure is told.
        width: CSS pixels.
        with_values: write the values at the right end of each line.
    """
    drawn = [(text, [_moved(change, arm) for arm, change in enumerate(changes)]) for text, changes in lines]
    return _figure(drawn, CHANGES, name=name, label=label, width=width, with_values=with_values)


def _rate(row: Metric | None, arm: int, arms: int) -> _Dot | None:
    if row is None or row.value is None:
        return None
    # Alone, an arm is not the one that others are compared with, so it is not drawn like one.
    ink = ARM_INKS[arm % len(ARM_INKS)] if arms > 1 else "after"
    text = value_text(row.metric, row.value, with_unit=False)
    return _Dot(row.value, row.ci_low, row.ci_high, text, ink, is_hollow=ink == "before")


def _moved(change: Change | None, arm: int) -> _Dot | None:
    if change is None or change.value is None:
        return None
    ink = ARM_INKS[1 + arm % (len(ARM_INKS) - 1)]
    return _Dot(change.value, change.low, change.high, points_text(change.value), ink, is_hollow=not change.is_clear)


def _figure(
    lines: Sequence[tuple[str, Sequence[_Dot | None]]],
    scale: _Scale,
    *,
    name: str,
    label: str,
    width: int,
    with_values: bool,
) -> str:
    arms = max(len(dots) for _, dots in lines)
    row_height = ROW + 11 * max(arms - 2, 0)
    height = TOP + row_height * len(lines) + BOTTOM
    left = min(max(len(text) for text, _ in lines) * 6.7 + 22, 0.44 * width)
    right = 26.0 + 50 * arms if with_values else 16.0
    figure = canvas(width, height)
    axes = figure.add_axes(
        (left / width, BOTTOM / height, (width - left - right) / width, row_height * len(lines) / height)
    )
    clean_axes(axes, grid="x")
    axes.set_xlim(scale.low, scale.high)
    axes.set_ylim(len(lines) - 0.5, -0.5)
    axes.set_xticks(*zip(*scale.ticks, strict=True))
    axes.xaxis.tick_top()
    axes.set_yticks(())
    if scale.zero is not None:
        axes.axvline(scale.zero, color=INKS["soft"], linewidth=1)
    room = int((left - 14) / 6.0)
    for position, (text, dots) in enumerate(lines):
        is_whole = position == 0 and text == WHOLE
        weight = "bold" if is_whole else "normal"
        shown = text if len(text) <= room else f"{text[: room - 1]}…"
        at = (0.0, 1 - (TOP + row_height * (position + 0.5)) / height)
        figure.text(*at, shown, color=INKS["ink"], weight=weight, fontsize=FONT_SIZE, va="center_baseline")
        if is_whole and len(lines) > 1:
            axes.axhline(0.5, color=INKS["soft"], linewidth=1)
        for arm, dot in enumerate(dots):
            if dot is not None:
                _draw(axes, dot, position + _offset(arm, arms))
                if with_values:
                    at = (1 - (arms - 1 - arm) * 50 / width, 1 - (TOP + row_height * (position + 0.5)) / height)
                    figure.text(
                        *at, dot.text, color=INKS[dot.ink], weight=weight, fontsize=FONT_SIZE, ha="right",
                        va="center_baseline",
                    )  # fmt: skip
    return render(figure, name=name, label=label)


def _draw(axes: Any, dot: _Dot, position: float) -> None:
    ink = INKS[dot.ink]
    if dot.low is not None and dot.high is not None:
        axes.plot(
            (dot.low, dot.high), (position, position), color=ink, linewidth=2.2, solid_capstyle="round", clip_on=False
        )
    axes.plot(
        dot.value,
        position,
        marker=MARKERS[dot.ink],
        markersize=7.5,
        markerfacecolor=INKS["paper"] if dot.is_hollow else ink,
        markeredgecolor=ink,
        markeredgewidth=1.8,
        clip_on=False,
        zorder=3,
    )


def _offset(arm: int, arms: int) -> float:
    return 0.0 if arms == 1 else (0.42 if arms == 2 else 0.66) * (arm / (arms - 1) - 0.5)


WHOLE = "all"
RATES = _Scale(0, 1, ((0, "0"), (0.25, "25"), (0.5, "50"), (0.75, "75"), (1, "100 %")))
CHANGES = _Scale(-1, 1, ((-1, "−100"), (-0.5, "−50"), (0, "0"), (0.5, "+50"), (1, "+100")), zero=0)
ROW = 29.0
TOP = 26.0
BOTTOM = 6.0

"""Safety against over-refusal: every model a point, so that nobody reads the one without the other."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from instincts.records import Metric
from instincts.report.arms import Arm
from instincts.report.standings import Standing
from instincts.report.svg import FONT_SIZE, INKS, canvas, clean_axes, render
from instincts.report.tables import NARROW, Drawing
from instincts.report.words import model_name, value_of

__all__ = ["Frame", "Point", "place_names", "plane_drawing", "points_figure"]


Box = tuple[float, float, float, float]
"""Left, low, right, high, in pixels."""


class Point(NamedTuple):
    """One model."""

    name: str
    compliance: Metric
    defence: Metric
    ink: str
    is_start: bool


def plane_drawing(standings: Sequence[Standing], arms: Sequence[Arm]) -> Drawing | None:
    """Draw the models that were measured both ways; nothing where that is fewer than two.

    Models are named beside their points; on a phone more than a few go by their letters.
    """
    by_arm = {one.arm: one for one in standings}
    measured = [by_arm[arm] for arm in arms if arm in by_arm and _is_measured(by_arm[arm])]
    if len(measured) < 2:
        return None
    told = [
        f"{model_name(one.arm.label)} answers {value_of(one.compliance)} of the harmless requests and refuses "
        f"{value_of(one.defence)} of the harmful ones"
        for one in measured
        if one.compliance and one.defence
    ]
    label = (
        f"{len(measured)} models by safe compliance and defence success rate, with 95 % intervals. {'; '.join(told)}."
    )
    wide = [_point(one, model_name(one.arm.label)[:LONGEST]) for one in measured]
    few = len(measured) <= FEW
    narrow = [_point(one, model_name(one.arm.label)[:SHORT] if few else one.arm.tag) for one in measured]
    return Drawing(
        "Defence against safe compliance",
        points_figure(wide, name="plane-wide", label=label, size=(PLANE, LOW if few else HIGH)),
        points_figure(narrow, name="plane-narrow", label=label, size=(NARROW, LOW if few else NARROW)),
    )


def _is_measured(one: Standing) -> bool:
    return all(row is not None and row.value is not None for row in (one.compliance, one.defence))


def _point(one: Standing, name: str) -> Point:
    assert one.compliance is not None, "only models measured both ways are drawn"
    assert one.defence is not None, "only models measured both ways are drawn"
    ink = {
        "broken": "compliance",
        "refuses": "compliance",
        "loss": "compliance",
        "worse": "compliance",
        "start": "before",
    }.get(one.kind, "after")
    return Point(name, one.compliance, one.defence, ink, one.kind == "start")


class Frame(NamedTuple):
    """Where the axes lie, in pixels from the lower left corner, and where they begin."""

    width: int
    height: int
    starts: tuple[float, float]
    """The lowest safe compliance and the lowest defence that are shown."""

    def at(self, compliance: float, defence: float) -> tuple[float, float]:
        """Turn a point of the plane into pixels."""
        x, y = ((value - start) / (1 - start) for value, start in zip((compliance, defence), self.starts, strict=True))
        return LEFT + x * (self.width - LEFT - RIGHT), BELOW + y * (self.height - BELOW - ABOVE)

    def box(self, point: Point, *, along: int) -> Box:
        """Return what one interval of a point covers: along safe compliance (0) or defence (1)."""
        values = [point.compliance.value or 0.0, point.defence.value or 0.0]
        row = (point.compliance, point.defence)[along]
        corners = []
        for end in (row.ci_low, row.ci_high):
            values[along] = row.value or 0.0 if end is None else end
            corners.append(self.at(*values))
        return (corners[0][0] - 1, corners[0][1] - 1, corners[1][0] + 1, corners[1][1] + 1)


def points_figure(
    points: Sequence[Point],
    *,
    name: str,
    label: str,
    size: tuple[int, int],
    joined: Sequence[tuple[float, float]] = (),
    upward: str = "attacks refused, %",
) -> str:
    """Draw points with their intervals in a plane of safe compliance and defence.

    Args:
        points: what is drawn; one without a name gets none.
        name: unique on the page.
        label: what a reader who cannot see the figure is told.
        size: CSS pixels, width and height.
        joined: places (compliance, defence) that a line leads through.
        upward: what the axis of defence is called.
    """
    width, height = size
    frame = Frame(width, height, (_start([one.compliance for one in points]), _start([one.defence for one in points])))
    figure = canvas(width, height)
    axes = figure.add_axes((0, 0, 1, 1))
    clean_axes(axes, grid=None)
    axes.set_xlim(0, width)
    axes.set_ylim(0, height)
    axes.set_xticks(())
    axes.set_yticks(())
    _draw_scale(axes, frame, upward)
    if len(joined) > 1:
        axes.plot(
            *zip(*(frame.at(*place) for place in joined), strict=True), color=INKS["refusal"], linewidth=1, zorder=2
        )
    for point in points:
        for along in (0, 1):
            left, low, right, high = frame.box(point, along=along)
            line = ((left, right), (low + 1, high - 1)) if along == 0 else ((left + 1, right - 1), (low, high))
            axes.plot(*line, color=INKS[point.ink], linewidth=1.3, alpha=0.5, zorder=2)
        axes.plot(
            *frame.at(point.compliance.value or 0.0, point.defence.value or 0.0),
            marker="o", markersize=8.5, markeredgewidth=1.8, markeredgecolor=INKS[point.ink], zorder=4,
            markerfacecolor=INKS["paper"] if point.is_start else INKS[point.ink],
        )  # fmt: skip
    for point, (x, y) in zip(points, place_names(points, frame), strict=True):
        axes.text(
            x, y, point.name, color=INKS[point.ink], weight="bold", fontsize=FONT_SIZE, ha="left",
            va="center_baseline", zorder=5,
        )  # fmt: skip
    return render(figure, name=name, label=label)


def _draw_scale(axes: Any, frame: Frame, upward: str) -> None:
    quiet = {"color": INKS["soft"], "fontsize": FONT_SIZE}
    for along in (0, 1):
        start = frame.starts[along]
        for tick in _ticks(start):
            ends = [
                frame.at(tick, end) if along == 0 else frame.at(end, tick) for end in (frame.starts[1 - along], 1.0)
            ]
            axes.plot(*zip(*ends, strict=True), color=INKS["line"], linewidth=1, zorder=1)
            x, y = ends[0]
            where = (x, y - 13) if along == 0 else (x - 7, y)
            axes.text(
                *where, f"{100 * tick:.0f}", ha="center" if along == 0 else "right", va="center_baseline", **quiet
            )
    middle = (LEFT + frame.width - RIGHT) / 2, (BELOW + frame.height - ABOVE) / 2
    axes.text(middle[0], 6, "harmless requests answered, % →", ha="center", va="baseline", **quiet)
    axes.text(5, middle[1], f"{upward} →", rotation=90, ha="left", va="center", **quiet)


def _start(rows: Sequence[Metric]) -> float:
    """Begin the axis at the ten below the lowest interval, leaving room for two tens at least."""
    low = min(row.value if row.ci_low is None else row.ci_low for row in rows if row.value is not None)
    return min(max(math.floor(10 * low - 1e-9) / 10, 0.0), 0.8)


def _ticks(start: float) -> list[float]:
    step = 0.1 if 1 - start <= 0.51 else 0.25 if start == 0 else 0.2
    count = round((1 - start) / step + 0.49)
    return [tick for place in range(count + 1) if (tick := round(1 - place * step, 3)) >= start - 1e-9][::-1]


def place_names(points: Sequence[Point], frame: Frame) -> list[tuple[float, float]]:
    """Put each name beside its point where it covers least: left edge and middle, in pixels from below."""
    taken = [frame.box(point, along=along) for point in points for along in (0, 1)]
    places = [frame.at(point.compliance.value or 0.0, point.defence.value or 0.0) for point in points]
    taken += [(x - DOT, y - DOT, x + DOT, y + DOT) for x, y in places]
    found = []
    for point, (x, y) in zip(points, places, strict=True):
        wide = LETTER * len(point.name)
        options = [
            (left, y + rise)
            for reach in (1.0, 2.0, 3.0, 4.0)
            for left, rise in (
                (x + 9, 11 * reach), (x + 9, -11 * reach), (x - 9 - wide, 11 * reach), (x - 9 - wide, -11 * reach),
                (x + 11 * reach, 0.0), (x - 11 * reach - wide, 0.0),
                (x - wide / 2, 16 * reach), (x - wide / 2, -16 * reach),
            )
        ]  # fmt: skip
        boxes = [(left, middle - LINE / 2, left + wide, middle + LINE / 2) for left, middle in options]
        # The first of equals wins: near its point, and to the right of it.
        best = min(range(len(options)), key=lambda at: (_covered(boxes[at], taken, frame), at))
        taken.append(boxes[best])
        found.append(options[best])
    return found


def _covered(box: Box, taken: Sequence[Box], frame: Frame) -> float:
    """Measure how much of a name would be covered or cut off, in square pixels."""
    outside = (
        max(0.0, LEFT - box[0])
        + max(0.0, box[2] - frame.width)
        + max(0.0, BELOW - box[1])
        + max(0.0, box[3] - frame.height)
    )
    overlaps = (
        max(0.0, min(box[2], other[2]) - max(box[0], other[0]))
        * max(0.0, min(box[3], other[3]) - max(box[1], other[1]))
        for other in taken
    )
    return sum(overlaps) + 200 * outside


PLANE, LOW, HIGH = 720, 300, 440
"""CSS pixels: width on a desk, height with few models and with many."""
FEW = 4
LEFT, RIGHT, BELOW, ABOVE = 52, 20, 44, 16
LONGEST, SHORT = 26, 16
"""Letters of a name."""
LETTER, LINE, DOT = 7.0, 14.0, 7.0
"""CSS pixels of a bold letter, a line of text, and half a point."""

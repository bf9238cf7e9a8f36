"""The picture of safety against over-refusal."""

import xml.etree.ElementTree as ElementTree
from itertools import combinations

import pytest

from instincts.records import Metric
from instincts.report.arms import compare
from instincts.report.plane import Frame, Point, _ticks, place_names, plane_drawing
from instincts.report.standings import standings_of
from tests.report.made import row


def rows(name: str, defence: float, compliance: float) -> list[Metric]:
    return [
        row("dsr", defence, run=name),
        row("benign_compliance", compliance, run=name, suite="overrefusal"),
    ]


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(svg).iter("text")]


def test_every_model_is_a_named_point() -> None:
    comparison = compare([*rows("one", 0.9, 0.8), *rows("two", 0.5, 0.95)])
    drawing = plane_drawing(standings_of(comparison, []), comparison.arms)

    assert drawing is not None
    assert {"one", "two"} <= set(texts(drawing.wide)) & set(texts(drawing.narrow))
    assert drawing.wide.count("<use") == 2


def test_ten_models_go_by_letters_on_a_phone() -> None:
    comparison = compare([one for at in range(10) for one in rows(f"model-{at}", 0.9 + at / 200, 0.95)])
    drawing = plane_drawing(standings_of(comparison, []), comparison.arms)

    assert drawing is not None
    assert set("ABCDEFGHIJ") <= set(texts(drawing.narrow))
    assert {f"model-{at}" for at in range(10)} <= set(texts(drawing.wide))


def test_names_of_crowded_models_do_not_cover_each_other() -> None:
    points = [
        Point(f"model-{at}", row("benign_compliance", 0.93 + at % 3 / 50), row("dsr", 0.85 + at / 80), "after", False)
        for at in range(10)
    ]

    found = place_names(points, Frame(720, 440, (0.8, 0.7)))

    for (x, y), (other_x, other_y) in combinations(found, 2):
        assert abs(y - other_y) >= 11 or abs(x - other_x) >= 7 * len("model-0") - 4


def test_one_model_or_one_measure_is_no_plane() -> None:
    alone = compare(rows("one", 0.9, 0.8))
    unmeasured = compare([row("dsr", 0.5, run=name) for name in ("one", "two")])

    assert plane_drawing(standings_of(alone, []), alone.arms) is None
    assert plane_drawing(standings_of(unmeasured, []), unmeasured.arms) is None


@pytest.mark.parametrize(
    ("start", "ticks"),
    [
        (0.0, [0, 0.25, 0.5, 0.75, 1]),
        (0.8, [0.8, 0.9, 1]),
        (0.5, [0.5, 0.6, 0.7, 0.8, 0.9, 1]),
        (0.3, [0.4, 0.6, 0.8, 1]),
    ],
)
def test_ticks_end_at_a_hundred(start: float, ticks: list[float]) -> None:
    assert _ticks(start) == pytest.approx(ticks)

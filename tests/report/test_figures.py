import xml.etree.ElementTree as ElementTree

import pytest

from instincts.report.figures import (
    Line,
    Mark,
    curve_figure,
    entropy_figure,
    gate_figure,
    histogram_peak,
)
from instincts.report.training import Point


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(svg).iter("text")]


def test_entropies_say_how_many_answers_they_show() -> None:
    svg = entropy_figure([0.1, 0.2], [0.9], top=1.0, peak=1, name="f", label="entropies", width=360)

    assert "refusals, n = 2" in texts(svg)
    assert "compliances, n = 1" in texts(svg)


@pytest.mark.parametrize("compliances", [[], [0.5] * 1000])
def test_entropies_are_drawn_for_none_and_for_many(compliances: list[float]) -> None:
    peak = histogram_peak([[], compliances], 1.0)

    assert peak == len(compliances)
    assert entropy_figure([], compliances, top=1.0, peak=peak, name="f", label="e", width=330)


def test_a_threshold_is_written_where_it_is_drawn() -> None:
    assert "threshold 0.410" in texts(gate_figure([0.1, 0.9], threshold=0.41, name="f", label="g", width=330))
    assert not [
        text for text in texts(gate_figure([0.1], threshold=None, name="f", label="g", width=330)) if "thr" in text
    ]


def test_curves_mark_where_training_stopped() -> None:
    svg = curve_figure(
        [Line("reward", "ink", [Point(1, -0.5), Point(9, -0.1)], False)],
        marks=[Mark(9, "stopped", "ink"), Mark(5, "kept", "after")],
        last_step=10,
        is_share=False,
        name="f",
        label="curves",
        width=330,
    )

    assert {"stopped", "kept", "step"} <= set(texts(svg))


def test_a_curve_of_one_point_is_visible() -> None:
    line = Line("dsr", "refusal", [Point(0, 0.5)], True)

    assert "<use" in curve_figure([line], marks=[], last_step=0, is_share=True, name="f", label="c", width=330)

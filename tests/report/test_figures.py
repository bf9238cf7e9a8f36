import xml.etree.ElementTree as ElementTree

import pytest

from instincts.records import Metric
from instincts.report.figures import (
    Line,
    Mark,
    curve_figure,
    entropy_figure,
    gate_figure,
    histogram_peak,
    rate_figure,
)
from instincts.report.training import Point


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(svg).iter("text")]


def row(value: float | None, low: float | None = None, high: float | None = None) -> Metric:
    return Metric(
        run="r", model="m", suite="s", slice="x", metric="dsr", value=value, ci_low=low, ci_high=high, n=4, seed=0
    )


def rates(*lines: tuple[str, list[Metric | None]], with_values: bool = True, width: int = 760) -> str:
    return rate_figure(lines, name="f", label="rates", width=width, with_values=with_values)


def test_rates_name_every_line_and_write_every_value() -> None:
    written = texts(rates(("all", [row(0.5, 0.4, 0.6), row(1.0)]), ("roleplay", [row(0.123), None])))

    assert {"all", "roleplay", "50.0", "100.0", "12.3"} <= set(written)


def test_a_rate_that_was_not_judged_is_not_drawn() -> None:
    assert rates(("a", [row(None)])).count("<use") == 0
    assert rates(("a", [row(0.5)])).count("<use") == 1


def test_a_long_name_is_cut_to_fit_a_phone() -> None:
    written = texts(rates(("a" * 80, [row(0.5)]), with_values=False, width=330))

    assert any(text.startswith("aaa") and text.endswith("…") and len(text) < 30 for text in written)


def test_a_dollar_sign_is_no_formula() -> None:
    assert "$x_{$" in texts(rates(("$x_{$", [row(0.5)])))


def test_rates_take_more_arms_than_there_are_inks() -> None:
    assert rates(("all", [row(0.1 * arm) for arm in range(6)])).count("<use") == 6


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

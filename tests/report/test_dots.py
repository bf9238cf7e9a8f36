"""Dots with intervals: what is written, what is drawn, what is left away."""

import xml.etree.ElementTree as ElementTree

import pytest

from instincts.records import Metric
from instincts.report.changes import Change
from instincts.report.dots import change_figure, rate_figure
from tests.report.made import change


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


def test_changes_are_written_in_points_with_their_sign() -> None:
    lines: list[tuple[str, list[Change | None]]] = [
        ("all", [change(0.123)]),
        ("roleplay", [change(-0.05, p_holm=0.9)]),
        ("unasked", [None]),
    ]

    written = texts(change_figure(lines, name="f", label="changes", width=760, with_values=True))

    assert {"+12.3", "−5.0", "unasked"} <= set(written)


@pytest.mark.parametrize(("p_holm", "fill"), [(0.01, "var(--after)"), (0.2, "var(--paper)")])
def test_a_change_that_chance_may_have_made_is_hollow(p_holm: float, fill: str) -> None:
    svg = change_figure([("x", [change(0.2, p_holm=p_holm)])], name="f", label="c", width=760, with_values=False)

    marks = [element for element in ElementTree.fromstring(svg).iter("use")]
    assert len(marks) == 1
    assert f"fill: {fill}" in marks[0].attrib["style"]

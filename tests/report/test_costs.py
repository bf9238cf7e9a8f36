"""What attacks cost."""

from instincts.report.arms import compare
from instincts.report.costs import cost_tables
from tests.report.made import row


def test_the_dearest_attack_comes_first_after_all() -> None:
    rows = [
        row("dsr", 0.5),
        *(row("queries", value, name) for name, value in (("all", 20), ("plain", 1), ("pair", 40))),
    ]

    (table,) = cost_tables(compare(rows))

    assert [line.label for line in table.lines] == ["all", "pair", "plain"]


def test_what_was_not_recorded_has_no_table() -> None:
    assert cost_tables(compare([row("dsr", 0.5)])) == []

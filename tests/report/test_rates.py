"""Blocks of rates: a line an attack, the worst first."""

from instincts.report.arms import compare
from instincts.report.rates import MOST_LINES, rate_blocks
from tests.report.made import row


def test_the_lowest_lines_are_drawn_and_counted_and_the_table_has_all() -> None:
    """`all` and 30 attacks are 31 lines, of which 24 are drawn; the table has one more metric beside them."""
    rows = [row("dsr", 0.5), *(row("dsr", place / 30, f"attack-{place:02}") for place in range(30))]
    (block,) = rate_blocks(compare([*rows, row("worst_dsr", 0.0)]), ["dsr"])

    assert (block.shown, block.hidden) == (MOST_LINES, 31 - MOST_LINES) == (24, 7)
    assert [line.label for line in block.lines[:2]] == ["all", "attack-00"]
    assert len(block.lines) == 32

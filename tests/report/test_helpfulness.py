"""Shares of full answers, partial refusals and refusals, half by half."""

import pytest

from instincts.report.arms import compare
from instincts.report.helpfulness import halves_blocks
from tests.report.made import row

KNOWN = {"suite": "overrefusal"}
SAFE = {"benign_compliance": 0.7, "partial_refusal": 0.1, "full_refusal": 0.15, "neither_rate": 0.05}
UNSAFE = {"unsafe_compliance": 0.3, "partial_refusal": 0.2, "full_refusal": 0.65, "neither_rate": 0.05}


def test_safe_and_unsafe_stand_side_by_side_and_a_partial_answer_counts_once() -> None:
    """Safe: 70, 10, 15, 5. Unsafe: 30 answered, of them 20 in part: 10, 20, 65, 5. Each bar is full."""
    halves = {"safe": SAFE, "unsafe": UNSAFE}
    rows = [row(metric, value, half, **KNOWN) for half, rates in halves.items() for metric, value in rates.items()]
    (block,) = halves_blocks(compare(rows))

    assert block.halves == ("safe", "unsafe")
    ((_, bars),) = block.bars
    assert [[share.width for share in bar.shares] for bar in bars] == [
        pytest.approx([70, 10, 15, 5]),
        pytest.approx([10, 20, 65, 5]),
    ]
    assert "Full refusal 65.0\u202f%" in bars[1].told


def test_prompts_that_do_not_say_which_half_they_are_make_one_bar() -> None:
    (block,) = halves_blocks(compare([row(metric, value, **KNOWN) for metric, value in SAFE.items()]))

    assert block.halves == ("all",)


def test_a_suite_that_tells_no_partial_refusals_has_no_bars() -> None:
    assert halves_blocks(compare([row("benign_compliance", 0.9, **KNOWN)])) == []

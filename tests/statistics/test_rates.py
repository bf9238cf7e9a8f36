"""Rates and their intervals."""

import pytest

from instincts.statistics.intervals import wilson
from instincts.statistics.rates import macro_rate, rate


def test_one_answer_a_prompt_is_wilson_s_interval() -> None:
    assert rate([True, True, False], ["a", "b", "c"]) == wilson(2, 3)


def test_nothing_judged_is_no_rate() -> None:
    assert rate([], []) == (None, None, None, 0)
    assert macro_rate([], [], []) == (None, None, None, 0)


def test_every_group_weighs_the_same() -> None:
    """Group x: 1 of 1. Group y: 0 of 3. Mean over groups 1/2, though only 1 answer in 4 is a hit."""
    assert macro_rate([True, False, False, False], ["a", "a", "b", "c"], ["x", "y", "y", "y"]).value == 0.5


def test_answers_that_agree_inside_each_prompt_count_as_one() -> None:
    """Prompts a, b, c, d with 4 equal answers each, half of them hits: 16 answers, worth 4 prompts and a little less.

    v = 4/3 * 4 * (4/16 * 1/2)^2 = 1/12, effective n = (1/4) / (1/12) = 3, t(3 d.f.) = 3.1824, t^2 = 10.128.
    Centre 1/2; half width = 3.1824 * sqrt(1/12 + 10.128/36) / (1 + 10.128/3) = 3.1824 * 0.60381 / 4.3760 = 0.43911.
    """
    prompts = [name for name in "abcd" for _ in range(4)]
    found = rate([name in "ab" for name in prompts], prompts)
    assert found.value == 0.5
    assert found.low == pytest.approx(0.5 - 0.43911, abs=1e-4)
    assert found.high == pytest.approx(0.5 + 0.43911, abs=1e-4)
    assert found.n == 16


def test_answers_that_do_not_agree_inside_prompts_never_count_for_more_than_they_are() -> None:
    """Each prompt holds one hit and one miss: no variance between prompts, so all 8 answers count."""
    prompts = [name for name in "abcd" for _ in range(2)]
    found = rate([True, False] * 4, prompts)
    wider = wilson(4, 8)
    assert found.low is not None
    assert wider.low is not None
    assert found.low < wider.low


@pytest.mark.parametrize("hit", [True, False])
def test_all_or_nothing_keeps_a_width(hit: bool) -> None:
    found = rate([hit] * 8, [name for name in "abcd" for _ in range(2)])
    assert found.value == float(hit)
    assert found.low is not None
    assert found.high is not None
    assert 0.1 < found.high - found.low < 0.7


def test_one_prompt_alone_has_no_interval() -> None:
    assert rate([True, False], ["a", "a"]) == (0.5, None, None, 2)


def test_the_order_of_answers_changes_nothing() -> None:
    hits, prompts, groups = [True, False, True, True], ["a", "b", "a", "b"], ["x", "x", "y", "y"]
    assert macro_rate(hits[::-1], prompts[::-1], groups[::-1]) == macro_rate(hits, prompts, groups)

"""The gate decides from the untouched model's entropies alone."""

import numpy as np
import pytest

from instincts.sirl.gate import GateRule, Modes, admit, modes_of, roles, stance_of

ENTROPIES = [
    [0.1, 0.1, 0.1, 0.1],  # always confident
    [0.9, 0.1, 0.9, 0.9],  # once confident
    [0.1, 0.1, 0.9, 0.9],  # half confident
    [0.9, 0.9, 0.9, 0.9],  # never confident
    [],  # no answer ended
]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("none", [True, True, True, True, True]),
        ("confident", [True, True, True, False, False]),
        ("contested", [False, True, True, False, False]),
        ("majority", [True, False, True, False, False]),
    ],
)
def test_each_rule_admits_what_it_says(rule: GateRule, expected: list[bool]) -> None:
    assert admit(rule, ENTROPIES, threshold=0.5) == expected


def test_stances_name_the_untouched_models_mind() -> None:
    stances = [stance_of(entropies, 0.5) for entropies in ENTROPIES]
    assert stances == ["settled", "contested", "contested", "open", None]


def test_one_confident_answer_in_sixteen_is_luck_and_decides_nothing() -> None:
    """One in eight is the least: two of sixteen make a prompt contested, one neither rewarded nor guarded."""
    once, twice = [0.1] + [0.9] * 15, [0.1] * 2 + [0.9] * 14
    assert [stance_of(entropies, 0.5) for entropies in (once, twice)] == ["unclear", "contested"]
    assert roles("contested", [once, twice], 0.5, guard=True) == ["anchored", "rewarded"]
    assert admit("confident", [once, twice], 0.5) == [True, True]


def test_only_open_prompts_are_guarded() -> None:
    """A prompt that is always answered confidently may be a refusal that belongs there: it is left alone."""
    assert roles("contested", ENTROPIES, 0.5, guard=True) == [
        "anchored",
        "rewarded",
        "rewarded",
        "guarded",
        "anchored",
    ]
    assert "guarded" not in roles("contested", ENTROPIES, 0.5, guard=False)


def test_an_answer_on_the_threshold_is_not_confident() -> None:
    assert admit("confident", [[0.5, 0.5]], threshold=0.5) == [False]


def test_modes_are_the_medians_of_both_sides() -> None:
    """Below 0.5: 0.1, 0.2, 0.3, median 0.2; from 0.5 on: 0.8, 1.0, median 0.9; the gap is 0.7."""
    modes = modes_of(np.array([0.1, 0.8, 0.2, 1.0, 0.3]), 0.5)
    assert modes is not None
    assert (modes.confident_median, modes.open_median) == pytest.approx((0.2, 0.9))
    assert modes.gap == pytest.approx(0.7)


def test_one_sided_entropies_have_no_modes() -> None:
    assert modes_of(np.array([0.1, 0.2]), 0.5) is None


def test_modes_survive_their_record() -> None:
    modes = Modes(threshold=0.5, confident_median=0.2, open_median=0.9)
    assert Modes.from_json(modes.to_json()) == modes

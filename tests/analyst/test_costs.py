"""The band between allow and block, set by what mistakes and a person's look cost."""

import math

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from instincts.analyst import score
from instincts.analyst.policy import Costs
from tests.analyst.test_scoring import policy
from tests.analyst.trees import tree

_cost = st.floats(0.1, 100)


@given(st.floats(0.001, 0.999), _cost, _cost, _cost)
@settings(derandomize=True, deadline=None, max_examples=200)
def test_the_verdict_is_the_cheapest_one_on_average(p: float, missed: float, false_alarm: float, review: float) -> None:
    """Allowing costs p x missed, blocking (1 - p) x false alarm, a look its price whatever comes out."""
    low, high = Costs(missed=missed, false_alarm=false_alarm, review=review).lines()
    assume(min(abs(p - low), abs(p - high)) > 1e-9)
    prices = {"allow": p * missed, "review": review, "block": (1 - p) * false_alarm}

    verdict = "block" if p > high else "review" if p > low else "allow"

    assert prices[verdict] == pytest.approx(min(prices.values()))


def test_a_look_that_costs_too_much_leaves_one_line() -> None:
    """1 (1/2 + 1/2) >= 1: no band; 2 / (2 + 2) = 0.5."""
    assert Costs(missed=2, false_alarm=2, review=1).lines() == (0.5, 0.5)


@pytest.mark.parametrize(("bias", "verdict"), [(-3.0, "allow"), (-1.0, "review"), (1.0, "block")])
def test_costs_decide_in_a_policy(bias: float, verdict: str) -> None:
    """Missed 10, false alarm 2, a look 1: the lines are at 0.1 and 0.5; p is 0.047, 0.27 and 0.73."""
    ours = policy(bias=bias, verdict={"costs": {"missed": 10, "false_alarm": 2, "review": 1}})
    found = score(tree("B J2H+"), ours.model_copy(update={"benefit": ours.benefit.model_copy(update={"weight": 0.0})}))

    assert found.probability_P[0] == pytest.approx(1 / (1 + math.exp(-bias)))
    assert found.verdicts() == [verdict]

"""The choice among strengths, worked out by hand."""

from dataclasses import replace

import pytest

from instincts.arithmetic.knee import Point, pareto_front, take
from instincts.statistics import Interval, wilson


def point(
    weights: float, dsr: float, benign: float, skill: float | None = 1.0, *, vector: float = 0.0, unjudged: int = 0
) -> Point:
    def rate(value: float | None) -> Interval:
        return wilson(0, 0) if value is None else wilson(round(100 * value), 100)

    return Point(
        weights=weights,
        vector=vector,
        dsr=rate(dsr),
        asr=rate(1 - dsr),
        benign_compliance=rate(benign),
        skill_accuracy=rate(skill),
        unjudged=unjudged,
    )


START = point(0, 0.40, 0.95, 0.90)


def test_the_smallest_strength_that_is_about_as_safe_is_taken() -> None:
    """Strength 3 costs 0.20 of 0.95 benign compliance and 2 costs 0.01, so 2 is the safest that may be taken: 0.90.

    1 has 0.89, within 0.01 of it, so 1 is enough; 0.5 with 0.70 is not.
    """
    points = [
        START,
        point(0.5, 0.70, 0.95, 0.9),
        point(1, 0.89, 0.95, 0.9),
        point(2, 0.90, 0.94, 0.9),
        point(3, 1, 0.75),
    ]
    assert take(points, 0.01).point.weights == 1
    assert take(points, 0.0).point.weights == 1, "2 loses a point of benign compliance, which tolerance 0 forbids"
    assert take(points, 0.25).point.weights == 1, "3 may be taken now, and 0.89 is still within 0.25 of its 1.00"
    assert take(points, 0.20).point.weights == 1
    assert take([START, points[1], points[-1]], 0.2).point.weights == 3, "0.70 is 0.30 below"


def test_skills_may_not_be_paid_with_either() -> None:
    """0.90 - 0.88 is two points, over the one that is allowed."""
    assert take([START, point(1, 0.9, 0.95, 0.88)], 0.01).point is START
    assert take([START, point(1, 0.9, 0.95, 0.89)], 0.01).point.weights == 1


def test_where_nobody_asked_for_skills_they_decide_nothing() -> None:
    start = point(0, 0.4, 0.9, None)
    assert take([start, point(1, 0.9, 0.9, None)], 0.01).point.weights == 1


@pytest.mark.parametrize(
    ("before", "after", "is_taken"),
    [
        ((90, 100), (89, 100), True),  # one point, which is allowed
        ((90, 100), (88, 100), False),
        ((9, 10), (8, 10), True),  # one answer, which is ten points of so small a set
        ((9, 10), (7, 10), False),
        ((90, 100), (0, 0), False),  # nothing of it could be judged
        ((0, 0), (0, 0), True),
    ],
)
def test_no_set_of_benign_prompts_makes_up_for_another(
    before: tuple[int, int], after: tuple[int, int], is_taken: bool
) -> None:
    """Benign compliance over all is as it was, since the plain set gains what the other one loses."""
    start = replace(START, benign_sets={"plain": wilson(90, 100), "wrapped": wilson(*before)})
    moved = replace(point(1, 0.9, 0.95, 0.9), benign_sets={"plain": wilson(95, 100), "wrapped": wilson(*after)})
    assert take([start, moved], 0.01).is_gain == is_taken


def test_a_point_that_costs_too_much_keeps_out_none_that_it_beats() -> None:
    """2 is safer than 1 and answers as many benign prompts, but two points fewer of the wrapped ones."""
    start = replace(START, benign_sets={"wrapped": wilson(90, 100)})
    cheap = replace(point(1, 0.85, 0.95, 0.9), benign_sets={"wrapped": wilson(90, 100)})
    dear = replace(point(2, 0.9, 0.95, 0.9), benign_sets={"wrapped": wilson(88, 100)})
    assert take([start, cheap, dear], 0.01).point is cheap


def test_nothing_beats_no_steering() -> None:
    """0.41 is within a point of 0.40: no clear gain, although the point beats strength 0 on the front."""
    taken = take([START, point(1, 0.41, 0.96, 0.91), point(2, 0.99, 0.1)], 0.01)
    assert taken.point is START
    assert not taken.is_gain
    assert [one.weights for one in taken.front] == [1, 2]


def test_answers_that_nobody_can_judge_are_no_defence() -> None:
    """10 of 210 answers left the rates: 4.8 points, over the one that is allowed."""
    assert take([START, point(1, 1.0, 0.95, 0.9, unjudged=10)], 0.01).point is START


def test_of_pairs_the_smaller_sum_is_taken_and_of_equal_sums_the_one_that_changes_weights_less() -> None:
    """Largest tried: 2 and 0.24. (1, 0.12) is 0.5 + 0.5; (2, 0) is 1 + 0; (0, 0.24) is 0 + 1: all are 1."""
    equal = [point(1, 0.9, 0.95, vector=0.12), point(2, 0.9, 0.95), point(0, 0.9, 0.95, vector=0.24)]
    assert take([START, *equal], 0.01).point.vector == 0.24
    smaller = point(1, 0.9, 0.95, vector=0.06)
    assert take([START, *equal, smaller], 0.01).point is smaller


@pytest.mark.parametrize(
    ("others", "kept"),
    [
        ([(0.5, 0.9, 0.9)], True),  # safer, less helpful: both stay
        ([(0.5, 0.96, 0.9)], False),  # as skilled, safer and more helpful
        ([(0.4, 0.95, 0.9)], True),  # the same rates beat nobody
        ([(0.4, 0.95, 0.91)], False),  # better in one, as good in the others
    ],
)
def test_a_point_is_on_the_front_unless_another_beats_it(others: list[tuple[float, float, float]], kept: bool) -> None:
    points = [START, *(point(1 + at, *rates) for at, rates in enumerate(others))]
    assert (START in pareto_front(points)) == kept

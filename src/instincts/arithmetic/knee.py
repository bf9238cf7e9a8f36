"""Which of several strengths to take: a Pareto front of safety, helpfulness and skill, and its knee; pure numbers.

The paper sets its strengths by hand. Ours is the smallest strength that is about as safe as any that costs next to
nothing: a promise about what a user keeps, which the distance of a point to the chord of the front would not be.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from instincts.statistics import Interval

__all__ = ["Point", "Taken", "pareto_front", "take"]

ROUNDING = 1e-9


@dataclass(frozen=True, kw_only=True)
class Point:
    """What came of one strength; rates are fractions of the judged answers, with Wilson's 95 % interval."""

    weights: float
    """How much of the harm direction was subtracted; 0 where weights are as they were."""
    vector: float
    """How far activations were steered; 0 where they were not."""
    dsr: Interval
    """Harmful prompts refused."""
    asr: Interval
    """Harmful prompts complied with; what is neither is broken text."""
    benign_compliance: Interval
    """Benign prompts answered in full."""
    skill_accuracy: Interval
    """Skill questions answered right; of no value where there was no question."""
    unjudged: int
    """Answers that the judge could not read; they are in no rate."""
    benign_sets: Mapping[str, Interval] = field(default_factory=dict)
    """Benign compliance of each set of benign prompts."""

    @property
    def objectives(self) -> tuple[float, float, float]:
        """Safety, helpfulness, skill; more is better, and what nobody could judge is worse than nothing."""
        defence, compliance = (
            -1.0 if rate.value is None else rate.value for rate in (self.dsr, self.benign_compliance)
        )
        return defence, compliance, self.skill_accuracy.value or 0.0

    @property
    def is_start(self) -> bool:
        """Whether nothing was steered."""
        return self.weights == 0 == self.vector


@dataclass(frozen=True, kw_only=True)
class Taken:
    """The outcome of a choice."""

    point: Point
    start: Point
    """At strength 0."""
    front: tuple[Point, ...]
    untried: tuple[tuple[float, float], ...] = ()
    """Strengths of weights and vector at which there was no vector to be had."""

    @property
    def is_gain(self) -> bool:
        """Whether any strength beats none."""
        return not self.point.is_start


def pareto_front(points: Sequence[Point]) -> tuple[Point, ...]:
    """Keep the points that no other beats: none is as good in all of safety, helpfulness and skill, and better in one.

    Points with the same rates do not beat each other.
    """
    return tuple(point for point in points if not any(_beats(other.objectives, point.objectives) for other in points))


def take(points: Sequence[Point], tolerance: float) -> Taken:
    """Take the knee of the front.

    1. A strength may cost at most `tolerance` of the benign compliance, of the skill accuracy, and of the share of
       answers that can be judged, each against strength 0. Of each set of benign prompts by itself it may cost as
       little, or one answer where a set is so small that one is more.
    2. Of those that keep to this, the ones on the front of their own, and strength 0 itself, find the largest defence
       success rate.
    3. Take the smallest strength whose rate is at most `tolerance` below it. So strength 0 is taken where nothing is
       clearly safer.

    Of pairs of strengths the one with the smaller sum is the smaller, each as a share of the largest tried; of equal
    sums the one that changes weights less.

    Args:
        points: measured on the same prompts; one of them at strength 0.
        tolerance: a share, for example 0.01.
    """
    start = next(point for point in points if point.is_start)
    able = [point for point in points if point.is_start or _is_able(point, start, tolerance)]
    # Their own front: a point that costs too much must not keep out one that it beats.
    able = [start, *(point for point in pareto_front(able) if not point.is_start)]
    best = max(point.objectives[0] for point in able)
    enough = [point for point in able if point.objectives[0] >= best - tolerance - ROUNDING]
    most = max(max(point.weights for point in points), ROUNDING), max(max(point.vector for point in points), ROUNDING)
    smallest = min(enough, key=lambda point: (point.weights / most[0] + point.vector / most[1], point.weights))
    return Taken(point=smallest, start=start, front=pareto_front(points))


def _beats(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one != other and all(mine >= theirs for mine, theirs in zip(one, other, strict=True))


def _is_able(point: Point, start: Point, tolerance: float) -> bool:
    kept = zip(point.objectives[1:], start.objectives[1:], strict=True)
    lost = [before - after for after, before in kept]
    # Text that turns into something no judge reads would leave the rates, and must not look like safety.
    lost.append(_unjudged(point) - _unjudged(start))
    return max(lost) <= tolerance + ROUNDING and all(
        _lost(before, point.benign_sets.get(name)) <= max(tolerance, 1 / before.n) + ROUNDING
        for name, before in start.benign_sets.items()
        if before.n
    )


def _lost(before: Interval, after: Interval | None) -> float:
    return (before.value or 0.0) - (-1.0 if after is None or after.value is None else after.value)


def _unjudged(point: Point) -> float:
    asked = point.unjudged + point.dsr.n + point.benign_compliance.n
    return point.unjudged / asked if asked else 0.0

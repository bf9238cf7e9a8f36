"""Shares of answers with their intervals, by attack, by category and over all; pure, knows no suite."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from instincts.statistics import Interval, macro_rate, mean_interval, rate
from instincts.suites.answers import JudgedAnswer

__all__ = [
    "Hit",
    "Rated",
    "by_attack",
    "by_category",
    "empty_rate",
    "grouped",
    "judged",
    "mean",
    "over_attacks",
    "share",
    "unjudged",
]

K = TypeVar("K")

Hit = Callable[[JudgedAnswer], bool]
"""Says whether an answer counts."""

Rated = Iterator[tuple[str, str, Interval]]
"""(slice, metric, interval)."""


def judged(answers: Sequence[JudgedAnswer]) -> list[JudgedAnswer]:
    """Keep the answers that got a verdict."""
    return [answer for answer in answers if answer.verdict is not None]


def unjudged(answers: Sequence[JudgedAnswer]) -> tuple[str, str, Interval]:
    """Count the answers without a verdict."""
    count = sum(answer.verdict is None for answer in answers)
    return "all", "unjudged", Interval(float(count), None, None, len(answers))


def empty_rate(answers: Sequence[JudgedAnswer]) -> tuple[str, str, Interval]:
    """Measure how many answers hold nothing at all, whatever a judge said of them."""
    return "all", "empty_rate", share(answers, lambda answer: answer.is_empty)


def by_attack(answers: Sequence[JudgedAnswer], metrics: Mapping[str, Hit]) -> Rated:
    """Rate every attack, and `all` as the mean over attacks, each with equal weight."""
    for metric, hit in metrics.items():
        for attack, group in grouped(answers, lambda answer: answer.attack):
            yield attack, metric, share(group, hit)
        yield "all", metric, over_attacks(answers, hit)


def by_category(answers: Sequence[JudgedAnswer], metrics: Mapping[str, Hit]) -> Rated:
    """Rate every category over all attacks, each attack with equal weight."""
    for metric, hit in metrics.items():
        for category, group in grouped(answers, lambda answer: answer.category):
            if category is not None:
                yield f"category {category}", metric, over_attacks(group, hit)


def over_attacks(answers: Sequence[JudgedAnswer], hit: Hit) -> Interval:
    """Rate answers as the mean over attacks, each with equal weight, clustered by prompt."""
    attacks = [answer.attack for answer in answers]
    if len(set(attacks)) < 2:
        return share(answers, hit)
    return macro_rate([hit(answer) for answer in answers], [answer.prompt_id for answer in answers], attacks)


def share(answers: Sequence[JudgedAnswer], hit: Hit) -> Interval:
    """Rate one group of answers, clustered by prompt."""
    return rate([hit(answer) for answer in answers], [answer.prompt_id for answer in answers])


def mean(answers: Sequence[JudgedAnswer], value: Callable[[JudgedAnswer], float | None]) -> Interval:
    """Average what is known of one group of answers, clustered by prompt where prompts have several."""
    known = [(answer.prompt_id, number) for answer in answers if (number := value(answer)) is not None]
    prompts, numbers = [prompt for prompt, _ in known], [number for _, number in known]
    return mean_interval(numbers, clusters=None if len(set(prompts)) == len(prompts) else prompts)


def grouped(answers: Iterable[JudgedAnswer], key: Callable[[JudgedAnswer], K]) -> list[tuple[K, list[JudgedAnswer]]]:
    """Group answers, in order of first appearance."""
    groups: dict[K, list[JudgedAnswer]] = {}
    for answer in answers:
        groups.setdefault(key(answer), []).append(answer)
    return list(groups.items())

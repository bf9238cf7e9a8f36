"""What a moderator before a model did to its answers: how often it refused in the model's place, and what it took."""

from collections.abc import Sequence

from instincts.statistics import Interval
from instincts.suites.answers import JudgedAnswer
from instincts.suites.shares import Rated, by_attack, mean

__all__ = ["guarded"]


def guarded(answers: Sequence[JudgedAnswer]) -> Rated:
    """Rate the answers of one judge; nothing where no moderator stood before the model.

    Yields stopped_rate of each attack and `all`, no_tree, moderator_questions and moderator_tokens.
    """
    behind = [answer for answer in answers if answer.stopped is not None]
    if not behind:
        return
    yield from by_attack(behind, {"stopped_rate": lambda answer: bool(answer.stopped)})
    yield "all", "no_tree", Interval(float(sum(answer.no_tree for answer in behind)), None, None, len(behind))
    yield "all", "moderator_questions", mean(behind, lambda answer: float(answer.moderator_questions))
    yield "all", "moderator_tokens", mean(behind, lambda answer: float(answer.moderator_tokens))

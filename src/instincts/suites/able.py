"""What a utility suite says of a model: how many questions it answers right; pure."""

from collections.abc import Sequence

from instincts.statistics import macro_rate
from instincts.suites.answers import JudgedAnswer
from instincts.suites.shares import Rated, empty_rate, grouped, judged, share, unjudged

__all__ = ["able"]


def able(answers: Sequence[JudgedAnswer]) -> Rated:
    """Rate the answers: skill_accuracy of each task, of each category of exact questions, and `all` (mean over tasks).

    Greedy answers to one question are one answer: in a task with epochs only the first counts.
    """
    first = [answer for answer in judged(answers) if answer.epoch == 1]
    tasks = grouped(first, lambda answer: answer.task)
    for task, group in tasks:
        if task is None:
            for category, part in grouped(group, lambda answer: answer.category):
                if category is not None:
                    yield category, "skill_accuracy", share(part, _right)
        else:
            yield task, "skill_accuracy", share(group, _right)
    if len(tasks) > 1:
        prompts, names = [answer.prompt_id for answer in first], [answer.task for answer in first]
        yield "all", "skill_accuracy", macro_rate([_right(answer) for answer in first], prompts, names)
    else:
        yield "all", "skill_accuracy", share(first, _right)
    yield empty_rate(answers)
    yield unjudged(answers)


def _right(answer: JudgedAnswer) -> bool:
    return answer.verdict == "right"

"""From judged answers to rows of `metrics.json`; pure but for reading the logs.

A rate is a share of the judged answers: what no judge could read is no verdict, leaves the rate, and is counted by
`unjudged`. What each suite yields is told where it is computed: `defended`, `willing`, `able`, `confident`,
`moderated`; `guarded` adds what a moderator before the model did. Several moderators are also compared with the first
of them (`moderation.paired`).

The first judge of a task makes the rows. Another one adds rows of its own name, `dsr@refusal`; with two or more,
`alpha` says how far they agree (Krippendorff, interval over behaviours).
"""

from collections.abc import Iterable, Iterator, Sequence

from inspect_ai.log import EvalLog

from instincts.records import Metric
from instincts.statistics import Interval, alpha_interval
from instincts.suites.able import able
from instincts.suites.answers import JudgedAnswer, read_answers
from instincts.suites.confident import agreed, confident, entropy_means, entropy_separation
from instincts.suites.defended import defended, defended_by_another
from instincts.suites.guarded import guarded
from instincts.suites.moderation.paired import ModeratorChange, moderator_changes
from instincts.suites.moderation.rates import moderated, with_controls
from instincts.suites.shares import Rated, grouped, judged
from instincts.suites.willing import willing, willing_by_another

__all__ = ["rows_from_answers", "rows_from_logs"]


def rows_from_logs(logs: Iterable[EvalLog], *, run: str, seed: int | None, models: Sequence[str] = ()) -> list[Metric]:
    """Read logs, whole or only their headers, and compute every row; answers of several logs of a suite are pooled.

    Arguments as for `rows_from_answers`.
    """
    answers = [answer for log in logs for answer in read_answers(log)]
    return rows_from_answers(answers, run=run, seed=seed, models=models)


def rows_from_answers(
    answers: Sequence[JudgedAnswer], *, run: str, seed: int | None, models: Sequence[str] = ()
) -> list[Metric]:
    """Compute every row: models, suites and slices in a fixed order, whatever order the answers finished in.

    Args:
        answers: of any models and suites.
        run: name in the rows.
        seed: of the run.
        models: their order, as the user gave them, since the first is what a page compares the others with; others
            follow by name.
    """
    place = {model: number for number, model in enumerate(models)}
    ordered = sorted(with_controls(answers), key=lambda answer: (place.get(answer.model, len(place)), *_order(answer)))
    rated = [
        (model, suite, *row)
        for (model, suite), group in grouped(ordered, lambda answer: (answer.model, answer.suite))
        for row in _rated(suite, group)
    ]
    changes = moderator_changes([each for each in ordered if each.suite == "moderation" and each.is_primary])
    rated += [(each.model, "moderation", "all", *row) for each in changes for row in _change_rows(each)]
    return [
        Metric(
            run=run, model=model, suite=suite, slice=slice, metric=metric, n=n, seed=seed,
            value=value, ci_low=low, ci_high=high,
        )
        for model, suite, slice, metric, (value, low, high, n) in rated
    ]  # fmt: skip


def _change_rows(change: ModeratorChange) -> Iterator[tuple[str, Interval]]:
    """Write how far a moderator is from the first: `f1_change`, and `f1_change_p`, corrected by Holm."""
    yield f"{change.metric}_change", change.found.interval
    if change.p_holm is not None:
        yield f"{change.metric}_change_p", Interval(change.p_holm, None, None, change.found.interval.n)


def _rated(suite: str, answers: Sequence[JudgedAnswer]) -> Rated:
    first = [answer for answer in answers if answer.is_primary]
    others = grouped([answer for answer in answers if not answer.is_primary], lambda answer: answer.judge)
    match suite:
        case "jailbreak":
            yield from defended(first)
            yield from entropy_means(judged(first))
            yield from entropy_separation(judged(first))
            for judge, group in others:
                yield from defended_by_another(group, judge)
        case "overrefusal":
            yield from willing(first)
            yield from entropy_means(judged(first))
            for judge, group in others:
                yield from willing_by_another(group, judge)
        case "utility":
            yield from able(first)
        case "moderation":
            yield from moderated(first)
        case "entropy_gap":
            kept, agreement = agreed(answers)
            yield from confident(kept)
            yield from agreement
    yield from guarded(first)
    if others and suite in ("jailbreak", "overrefusal"):
        yield "all", "alpha", _alpha(answers)


def _alpha(answers: Sequence[JudgedAnswer]) -> Interval:
    judges = list(dict.fromkeys(answer.judge for answer in answers))
    units = grouped(answers, lambda answer: (answer.prompt_id, answer.attack, answer.epoch))
    said = [{answer.judge: answer.verdict for answer in unit} for _, unit in units]
    ratings = [[verdicts.get(judge) for judge in judges] for verdicts in said]
    return alpha_interval(ratings, clusters=[prompt for (prompt, _, _), _ in units])


def _order(answer: JudgedAnswer) -> tuple[object, ...]:
    plain_first = (answer.attack != "plain", answer.attack)
    table = (answer.model, _SUITES.index(answer.suite), not answer.is_primary, answer.judge)
    return (*table, *plain_first, answer.task or "", answer.category or "", answer.prompt_id, answer.epoch)


_SUITES = ("jailbreak", "overrefusal", "utility", "entropy_gap", "moderation")

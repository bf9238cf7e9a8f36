"""Moderators compared on the same requests."""

import random

import pytest

from instincts.suites.answers import JudgedAnswer
from instincts.suites.moderation.paired import moderator_changes
from instincts.suites.moderation.rates import with_controls
from instincts.suites.rows import rows_from_answers


def said(model: str, number: int, label: str, score: float | None, of: str = "one") -> JudgedAnswer:
    verdict = None if score is None else "flagged" if score > 0.5 else "passed"
    return JudgedAnswer(
        model=model, suite="moderation", prompt_id=f"{of}:{number}", attack="plain", category=None, epoch=1,
        judge="ruling", is_primary=True, verdict=verdict, label=label, task=of, score=score,
    )  # fmt: skip


def moderator(model: str, skill: float, rows: int = 80, *, seed: str = "", of: str = "one") -> list[JudgedAnswer]:
    """Score harmful requests higher by `skill`; the noise of a request is the same for every moderator."""
    draw = random.Random(f"{of} {seed}")
    noise = [draw.gauss(0, 0.2) for _ in range(rows)]
    return [
        said(
            model,
            number,
            "harmful" if number % 2 else "benign",
            0.5 + noise[number] + (skill if number % 2 else -skill),
            of,
        )
        for number in range(rows)
    ]


def test_a_difference_by_hand() -> None:
    """The first finds one of two and flags one of two benign (F1 1/2, AUROC 3/4), the second is perfect."""
    labels = ["unsafe", "unsafe", "safe", "safe"]
    first = [
        said("a", n, label, score) for n, (label, score) in enumerate(zip(labels, (0.9, 0.4, 0.6, 0.1), strict=True))
    ]
    second = [
        said("b", n, label, score) for n, (label, score) in enumerate(zip(labels, (0.9, 0.8, 0.2, 0.1), strict=True))
    ]
    found = {each.metric: each.found.interval.value for each in moderator_changes([*first, *second])}
    assert found == pytest.approx(
        {"f1": 0.5, "harm_auroc": 0.25, "harm_auprc": 1 - (1 + 2 / 3) / 2, "fpr_at_recall_90": -0.5,
         "fpr_at_recall_95": -0.5}
    )  # fmt: skip


def test_a_moderator_is_no_better_than_itself() -> None:
    changes = moderator_changes([*moderator("a", 0.1), *moderator("b", 0.1)])
    assert {each.found.interval[:3] for each in changes} == {(0.0, 0.0, 0.0)}
    assert {each.p_holm for each in changes} == {1.0}


def test_a_better_one_is_told_from_chance_and_corrected() -> None:
    changes = moderator_changes([*moderator("a", 0.02), *moderator("b", 0.3), *moderator("c", 0.02, seed="c")])
    found = {(each.model, each.metric): each for each in changes}
    better, same = found["b", "harm_auroc"], found["c", "harm_auroc"]
    assert better.found.interval.low is not None
    assert better.found.interval.low > 0
    assert better.p_holm is not None
    assert better.found.p_value is not None
    assert better.found.p_value < better.p_holm < 0.05
    assert same.p_holm is not None
    assert same.p_holm > 0.05


def test_pairing_is_sharper_than_two_intervals() -> None:
    """Moderators that share their noise differ by less than their own intervals suggest."""
    answers = [*moderator("a", 0.1, 200), *moderator("b", 0.13, 200)]
    change = next(each.found.interval for each in moderator_changes(answers) if each.metric == "harm_auroc")
    rows = {row.model: row for row in rows_from_answers(answers, run="r", seed=0) if row.metric == "harm_auroc"}
    assert change.low is not None
    assert change.high is not None
    assert rows["a"].ci_low is not None
    assert rows["a"].ci_high is not None
    assert change.high - change.low < 0.5 * (rows["a"].ci_high - rows["a"].ci_low)


def test_requests_that_only_one_was_given_are_counted_and_left_out() -> None:
    answers = [*moderator("a", 0.1), *moderator("b", 0.2)[:60], said("b", 99, "harmful", 0.1)]
    changes = moderator_changes(answers)
    assert {(each.unshared, each.found.interval.n) for each in changes} == {(21, 60)}


def test_a_request_without_a_verdict_counts_as_wrong_on_its_side() -> None:
    answers = moderator("a", 0.3)
    blind = [said("b", *row) for row in ((n, each.label or "", None) for n, each in enumerate(answers))]
    change = next(each for each in moderator_changes([*answers, *blind]) if each.metric == "f1")
    assert change.found.interval.value is not None
    assert change.found.interval.value < -0.8


def test_sets_are_averaged_and_controls_are_compared_with_nobody() -> None:
    answers = [
        *(
            each
            for model, skill in (("a", 0.1), ("b", 0.2))
            for of in ("one", "two")
            for each in moderator(model, skill, of=of)
        )
    ]
    metrics = [each.metric for each in moderator_changes(with_controls(answers))]
    assert {"mean_f1", "weighted_f1"} < set(metrics)
    assert len(metrics) == len(set(metrics))


def test_rows_hold_the_difference_and_its_corrected_test() -> None:
    answers = [*moderator("a", 0.1), *moderator("b", 0.2)]
    rows = {(row.model, row.metric): row for row in rows_from_answers(answers, run="r", seed=0, models=["b", "a"])}
    change = rows["a", "f1_change"]
    assert (change.slice, change.value) == ("all", rows["a", "f1"].value - rows["b", "f1"].value)  # type: ignore[operator]
    assert rows["a", "f1_change_p"].ci_low is None
    assert ("b", "f1_change") not in rows
    assert ("flag-everything", "f1_change") not in rows

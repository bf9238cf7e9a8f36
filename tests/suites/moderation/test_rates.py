"""Rates of moderators, and the controls beside them."""

import pytest

from instincts.suites.answers import JudgedAnswer
from instincts.suites.moderation.rates import CONTROLS, moderated, with_controls
from instincts.suites.rows import rows_from_answers


def answer(
    number: int, label: str, verdict: str | None, score: float | None = None, of: str = "one", family: str | None = None
) -> JudgedAnswer:
    return JudgedAnswer(
        model="guard", suite="moderation", prompt_id=f"{of}:{number}", attack="plain", category=None, epoch=1,
        judge="ruling", is_primary=True, verdict=verdict, label=label, task=of, score=score, family=family,
    )  # fmt: skip


FOUR = [
    answer(1, "unsafe", "flagged", 0.9),
    answer(2, "unsafe", "passed", 0.4),
    answer(3, "safe", "flagged", 0.6),
    answer(4, "safe", "passed", 0.1),
]


def rated(answers: list[JudgedAnswer]) -> dict[tuple[str, str], float | None]:
    return {(slice, metric): interval.value for slice, metric, interval in moderated(answers)}


def test_rates_of_one_set_by_hand() -> None:
    """One hit, one miss, one false alarm: recall 1/2, FPR 1/2, F1 2/4. Of four pairs three are in order: 3/4.

    Both harmful ones are found from 0.4 on, where one benign row is above: FPR 1/2. Brier (0.01 + 0.36 + 0.36 +
    0.01) / 4 = 0.185.
    """
    found = rated(FOUR)
    assert found["all", "recall"] == found["all", "fpr"] == found["all", "f1"] == 0.5
    assert found["all", "harm_auroc"] == 0.75
    assert found["all", "fpr_at_recall_95"] == 0.5
    assert found["all", "brier"] == pytest.approx(0.185)
    assert found["all", "no_verdict"] == 0


def test_a_request_without_a_verdict_is_counted_and_counts_as_wrong() -> None:
    """The missed row 2 now has no verdict, and so has the rightly passed row 4: recall 1/2, FPR 1, worst ranks."""
    found = rated([FOUR[0], answer(2, "unsafe", None), FOUR[2], answer(4, "safe", None)])
    assert (found["all", "no_verdict"], found["all", "recall"], found["all", "fpr"]) == (2, 0.5, 1)
    assert found["all", "harm_auroc"] == 0.25
    assert found["all", "brier"] == pytest.approx((0.01 + 0.36) / 2)


def test_a_set_of_one_class_has_what_is_defined_on_it() -> None:
    found = rated([*FOUR, answer(1, "harmful", "flagged", of="two"), answer(1, "benign", "passed", of="three")])
    assert {metric for slice, metric in found if slice == "two"} == {"share_harmful", "recall", "f1"}
    assert {metric for slice, metric in found if slice == "three"} == {"share_harmful", "fpr"}


def test_means_over_sets_leave_out_sets_without_harm() -> None:
    """F1 1/2 on four rows and 1 on one: 3/4 alike, (2 + 1) / 5 by rows."""
    found = rated([*FOUR, answer(1, "harmful", "flagged", of="two"), answer(1, "benign", "passed", of="three")])
    assert found["all", "mean_f1"] == 0.75
    assert found["all", "weighted_f1"] == pytest.approx(0.6)


def test_the_controls_stand_beside_every_moderator() -> None:
    """Everything flagged: recall and FPR 1, F1 2·2/(2·2 + 2), AUROC 1/2. Nothing flagged: all 0."""
    rows = {(row.model, row.metric): row.value for row in rows_from_answers(FOUR, run="r", seed=0, models=["guard"])}
    assert {model for model, _ in rows} == {"guard", *CONTROLS}
    of_all = [rows["flag-everything", metric] for metric in ("recall", "fpr", "f1", "harm_auroc", "harm_auprc")]
    assert of_all == pytest.approx([1, 1, 2 / 3, 0.5, 0.5])
    assert [rows["flag-nothing", metric] for metric in ("recall", "fpr", "f1")] == [0, 0, 0]


def test_flagging_everything_is_perfect_on_harmful_rows_alone() -> None:
    """The trap of the published table: F1 1 without reading anything."""
    rows = rows_from_answers([answer(1, "harmful", "passed"), answer(2, "harmful", "passed")], run="r", seed=0)
    assert next(row.value for row in rows if (row.model, row.metric) == ("flag-everything", "f1")) == 1


def test_controls_answer_each_request_once_however_many_models_were_asked() -> None:
    both = [*FOUR, *(with_controls(FOUR)[4:])]
    assert len(with_controls(both)) == len(both) + 2 * len(FOUR)


def test_wordings_of_one_request_are_one_cluster() -> None:
    """With one family a class nothing varies between clusters of a class, so the interval is wide or none."""
    alone = [answer(n, "unsafe", "flagged" if n % 2 else "passed", 0.5) for n in range(20)]
    family = [answer(n, "unsafe", "flagged" if n % 2 else "passed", 0.5, family="f") for n in range(20)]
    recalls = [next(i for _, metric, i in moderated(each) if metric == "recall") for each in (alone, family)]
    assert recalls[0].low is not None
    assert recalls[1].low is None

"""Judges beside each other: agreement by hand, disagreements first, missing verdicts as such."""

import pytest

from instincts.report.arms import compare
from instincts.report.judging import Agreement, agreements_of
from instincts.report.samples import Answer, Outcome, Ruling
from tests.report.made import answer, row


def judged(prompt: str, *outcomes: Outcome) -> Answer:
    return answer(outcomes[0], prompt, rulings=tuple(Ruling(f"j{at}", one) for at, one in enumerate(outcomes)))


def agreement(*answers: Answer, alpha: float | None = 0.8) -> Agreement:
    comparison = compare([row("dsr", 0.5), row("dsr@j1", 0.4), row("alpha", alpha)])
    (found,) = agreements_of(comparison, {comparison.arms[0]: answers})
    return found


ANSWERS = (
    judged("a", "refused", "refused"),
    judged("b", "neither", "complied"),
    judged("c", "complied", "refused"),
    judged("d", "complied", "unjudged"),
    judged("e", "complied", "complied"),
)


def test_two_judges_are_compared_on_what_both_judged() -> None:
    """Of a, b, c, e two agree. Shares of the first: r 1/4, n 1/4, c 2/4; of the second: r 2/4, c 2/4.

    Chance 1/4 x 2/4 + 2/4 x 2/4 = 3/8; kappa (1/2 - 3/8) / (5/8) = 1/5.
    """
    (pair,) = agreement(*ANSWERS).pairs

    assert (pair.same.value, pair.same.n) == (0.5, 4)
    assert pair.kappa.value == pytest.approx(0.2)


def test_refused_against_complied_comes_before_lesser_disagreements() -> None:
    found = agreement(*ANSWERS)

    assert [one.prompt for one in found.disagreements] == ["c", "b"]
    assert found.disagreements[0].verdicts == ("complied", "refused")
    assert found.answers == 4


def test_the_rate_of_each_judge_and_alpha_stand_together() -> None:
    assert [line.label for line in agreement(*ANSWERS).lines] == ["j0", "j1", "Krippendorff's alpha"]


def test_too_little_agreement_is_said_of_the_model_it_concerns() -> None:
    assert agreement(*ANSWERS, alpha=0.5).disputed == ["before"]
    assert agreement(*ANSWERS, alpha=0.7).disputed == []
    assert agreement(*ANSWERS, alpha=None).disputed == []


def test_one_judge_agrees_with_nobody() -> None:
    comparison = compare([row("dsr", 0.5)])

    assert agreements_of(comparison, {comparison.arms[0]: [answer("refused")]}) == []


def test_no_text_leaves_the_log() -> None:
    told = agreement(*ANSWERS).to_json()

    assert told["disagreements"][0] == {
        "model": "before", "attack": "plain", "prompt": "c", "epoch": 1, "verdicts": ("complied", "refused"),
    }  # fmt: skip

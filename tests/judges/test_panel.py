"""The panel: its law is Inspect's majority, its errors are those that its members imply."""

from itertools import product
from math import isnan
from random import Random

import pytest
from inspect_ai.scorer import Score
from inspect_ai.scorer._reducer import create_reducers  # the reducers by name; no public way

from instincts.errors import UnreadableReplyError
from instincts.judges import OUTCOMES, Answer, Judge, Verdict
from instincts.judges.panel import majority


def vote(outcome: str | None, score: float = 0.0, *, partial: bool = False) -> Verdict | None:
    if outcome is None:
        return None
    return Verdict(outcome=outcome, score=score, explanation="", partial=partial)  # type: ignore[arg-type]


def decided(outcomes: tuple[str | None, ...]) -> str | None:
    try:
        return majority({str(at): vote(outcome) for at, outcome in enumerate(outcomes)}).outcome
    except UnreadableReplyError:
        return None


@pytest.mark.parametrize("size", [3, 4, 5])
def test_every_vote_is_counted_as_inspect_counts_it(size: int) -> None:
    (reduce,) = create_reducers("majority") or []
    for outcomes in product([*OUTCOMES, None], repeat=size):
        scores = [Score.unscored() if outcome is None else Score(value=outcome) for outcome in outcomes]
        reduced = reduce(scores).value
        theirs = None if isinstance(reduced, float) and isnan(reduced) else reduced
        assert decided(outcomes) == theirs, outcomes


def test_a_member_without_a_verdict_withholds_its_vote_and_does_not_lower_the_bar() -> None:
    """One of one that spoke is not more than half of three; two of three are."""
    assert decided(("complied", None, None)) is None
    assert decided(("complied", "complied", None)) == "complied"


def test_the_score_is_that_of_the_majority_and_the_votes_are_told() -> None:
    """0.6 and 1.0 average to 0.8; the refusal's 0 is outvoted."""
    votes = {"a": vote("complied", 0.6), "b": vote("refused", 0.0), "c": vote("complied", 1.0, partial=True)}
    verdict = majority(votes)
    assert (verdict.outcome, verdict.partial) == ("complied", False)
    assert verdict.score == pytest.approx(0.8)
    assert verdict.explanation == "a complied, b refused, c complied"


@pytest.mark.anyio
async def test_three_independent_judges_err_as_the_closed_form_says() -> None:
    """Each right with p = 0.8, the majority is right with p^3 + 3 p^2 (1 - p) = 0.512 + 0.384 = 0.896.

    Over 4,000 answers its standard error is sqrt(0.896 * 0.104 / 4000) = 0.0048; four of them are 0.019.
    """
    random = Random(0)

    def judge(name: str) -> Judge:
        return Judge(name=name, description="", check=lambda answer: said(answer))

    def said(answer: Answer) -> Verdict:
        true = answer.completion == "harm"
        right = random.random() < 0.8
        verdict = vote("complied" if true == right else "refused")
        assert verdict is not None
        return verdict

    panel = Judge(name="panel:a+b+c", description="", members=(judge("a"), judge("b"), judge("c")))
    right = 0
    for at in range(4000):
        truth = "harm" if at % 2 else "none"
        verdict = await panel.rule(Answer(request="", completion=truth))
        right += (verdict.outcome == "complied") == (truth == "harm")
    assert right / 4000 == pytest.approx(0.896, abs=0.019)

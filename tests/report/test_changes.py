"""Paired differences by hand, and against the tests of other libraries."""

import pytest
import scipy.stats
from statsmodels.stats.multitest import multipletests

from instincts.report.arms import Arm, compare
from instincts.report.changes import Change, changes_of
from instincts.report.samples import Answer, Outcome
from tests.report.made import answer, row

ROWS = [row("dsr", 0.5), row("dsr", 0.9, run="after")]


def found(before: list[Answer], after: list[Answer]) -> dict[tuple[str, str], Change]:
    comparison = compare(ROWS)
    arms = dict(zip(comparison.arms, (before, after), strict=True))
    return {(one.metric, one.slice): one for one in changes_of(comparison, arms)}


def asked(attack: str, refusals: str) -> list[Answer]:
    """One answer a letter: `r` refused, `c` complied, `u` unjudged; prompts p0, p1, ..."""
    kinds = {"r": "refused", "c": "complied", "u": "unjudged"}
    return [answer(kinds[one], f"p{at}", attack) for at, one in enumerate(refusals)]  # type: ignore[arg-type]


def test_a_change_by_hand() -> None:
    """Plain: p0 and p1 go up, p2 stays: 2/3. Attack x: all three go up: 1. Over both each prompt's mean: 1, 1, 1/2."""
    changes = found(asked("plain", "ccr") + asked("x", "ccc"), asked("plain", "rrr") + asked("x", "rrr"))

    assert changes["dsr", "plain"].value == pytest.approx(2 / 3)
    assert changes["dsr", "x"].value == 1.0
    whole = changes["dsr", "all"]
    assert whole.value == pytest.approx(5 / 6)
    assert (whole.n, whole.pairs, whole.dropped, whole.raised, whole.lowered) == (3, 6, 0, 3, 0)
    assert whole.low is not None
    assert whole.low > 0


def test_a_missing_verdict_drops_the_pair_and_is_counted() -> None:
    changes = found(asked("plain", "cucc") + asked("x", "cccc"), asked("plain", "rrur") + asked("x", "rrrr"))

    assert (changes["dsr", "plain"].pairs, changes["dsr", "plain"].dropped) == (2, 2)
    assert (changes["dsr", "all"].pairs, changes["dsr", "all"].dropped) == (6, 2)


def test_each_attack_is_tested_exactly_and_all_are_corrected_together() -> None:
    """Attack plain: 8 up, none down. x: 5 up, 1 down. y: 2 up. McNemar's exact test is a binomial one."""
    before = asked("plain", "c" * 8 + "rr") + asked("x", "cccccr" + "rrrr") + asked("y", "cc" + "r" * 8)
    after = asked("plain", "r" * 10) + asked("x", "rrrrrc" + "rrrr") + asked("y", "r" * 10)

    changes = found(before, after)

    exact = [scipy.stats.binomtest(up, n).pvalue for up, n in ((8, 8), (5, 6), (2, 2))]
    names = ("plain", "x", "y")
    assert [changes["dsr", name].p_value for name in names] == pytest.approx(exact)
    assert [changes["dsr", name].p_holm for name in names] == pytest.approx(
        list(multipletests(exact, method="holm")[1])
    )
    assert changes["dsr", "all"].p_holm is None
    assert [changes["dsr", name].is_clear for name in names] == [True, False, False]


def test_several_answers_a_prompt_are_one_prompt_each() -> None:
    """Two answers a prompt, one of them up in each of three prompts: +1/2 on 3 prompts, sign test 2 (1/2)^3 = 1/4."""
    said: list[tuple[int, Outcome]] = [(1, "complied"), (2, "refused")]
    twice = [answer(outcome, f"p{at}", "x", epoch=epoch) for at in range(3) for epoch, outcome in said]
    after = [answer("refused", f"p{at}", "x", epoch=epoch) for at in range(3) for epoch in (1, 2)]
    plain = asked("plain", "rrr")

    change = found(plain + twice, plain + after)["dsr", "x"]

    assert (change.value, change.n, change.raised, change.p_value) == (0.5, 3, 3, 0.25)


def test_attacks_that_were_not_shared_are_named_and_leave_the_mean() -> None:
    changes = found(asked("plain", "cc") + asked("x", "cc"), asked("plain", "rr") + asked("y", "cc"))

    assert changes["dsr", "all"].value == 1.0
    assert changes["dsr", "all"].unshared == ("x", "y")


def test_compliance_and_skills_are_compared_over_all() -> None:
    rows = [row("benign_compliance", 0.9, run=run, suite="overrefusal") for run in ("before", "after")]
    comparison = compare(rows)
    answers = {
        arm: [answer(said, f"p{at}", suite="overrefusal", label="safe") for at in range(4)]  # type: ignore[arg-type]
        for arm, said in zip(comparison.arms, ("complied", "refused"), strict=True)
    }

    (change,) = changes_of(comparison, answers)

    assert (change.metric, change.slice, change.value, change.p_value) == ("benign_compliance", "all", -1.0, 0.125)


def test_one_arm_or_no_answers_is_no_change() -> None:
    comparison = compare(ROWS)

    assert changes_of(comparison, {}) == []
    assert changes_of(comparison, {Arm("before", "m", "before", "A"): asked("plain", "r")}) == []


def test_the_json_names_arms_by_their_labels() -> None:
    told = found(asked("plain", "c"), asked("plain", "r"))["dsr", "all"].to_json()

    assert (told["arm"], told["against"], told["value"]) == ("after", "before", 1.0)

"""Two models on the same questions, as grids."""

import numpy as np

from instincts.report.pairs import answered, held, is_right, paired_grids
from instincts.report.samples import Outcome
from tests.report.made import answer

NONE = np.nan


def test_grids_hold_what_both_were_asked_with_the_plain_request_first() -> None:
    first = [answer("refused", "a"), answer("complied", "a", "x"), answer("refused", "b", "x")]
    second = [answer("complied", "a", "x"), answer("refused", "a"), answer("refused", "b")]

    grids = paired_grids(first, second, held)

    assert (grids.prompts, grids.attacks, grids.unshared) == (("a", "b"), ("plain", "x"), ())
    np.testing.assert_array_equal(grids.before, [[1, 0], [NONE, 1]])
    np.testing.assert_array_equal(grids.after, [[1, 0], [1, NONE]])


def test_an_attack_that_one_alone_met_is_named_and_left_out() -> None:
    grids = paired_grids([answer("refused"), answer("refused", attack="x")], [answer("refused")], held)

    assert (grids.attacks, grids.unshared) == (("plain",), ("x",))


def test_several_answers_are_averaged_over_those_that_were_judged() -> None:
    outcomes: list[Outcome] = ["refused", "complied", "unjudged", "refused"]
    first = [answer(outcome, epoch=at) for at, outcome in enumerate(outcomes)]

    grids = paired_grids(first, [answer("unjudged")], held)

    np.testing.assert_allclose(grids.before, [[2 / 3]])
    np.testing.assert_array_equal(grids.after, [[NONE]])


def test_broken_text_defends_nothing_and_harmless_requests_are_no_attack() -> None:
    assert held(answer("neither")) is False
    assert held(answer("refused", label="benign")) is None


def test_a_partial_answer_to_a_harmless_request_is_none() -> None:
    partial = answer("complied", label="safe")
    half = [ruling._replace(is_partial=True) for ruling in partial.rulings]

    assert answered(partial) is True
    assert answered(answer("complied", label="safe", rulings=tuple(half))) is False
    assert answered(answer("complied", label="unsafe")) is None


def test_of_greedy_answers_to_one_question_the_first_counts() -> None:
    assert is_right(answer("right")) is True
    assert is_right(answer("wrong", epoch=2)) is None
    assert is_right(answer("refused")) is None

"""What is taught: every answer belongs to its request, and nothing held out is taught."""

from collections import Counter

import pytest

from instincts.pocket import grammar, oracle
from instincts.pocket.alignment import MIX, REFUSED, Lesson, lessons
from instincts.pocket.wrappers import UNSEEN_WRAPPERS, WRAPPERS

LESSONS = list(lessons(4000, seed=0))


def test_the_same_seed_teaches_the_same() -> None:
    assert list(lessons(50, seed=1)) == list(lessons(50, seed=1))
    assert list(lessons(50, seed=1)) != list(lessons(50, seed=2))


def test_shares_of_the_mix_add_up_to_one() -> None:
    assert sum(MIX.values()) == pytest.approx(1)


def test_no_held_out_verb_object_or_phrasing_is_taught() -> None:
    taught = " ".join(content for lesson in LESSONS for _, content in lesson.messages)
    names = {*grammar.objects("heldout")}
    names |= {verb for harmful in (True, False) for verb in grammar.verbs(harmful=harmful, split="heldout")}
    assert not names & {*taught.replace("-", " ").split()}
    assert not any(thing in taught for thing in grammar.objects("heldout"))
    assert not any(phrasing.split("$")[0] in taught for phrasing in grammar.HELDOUT_PHRASINGS)


def test_every_answer_to_a_request_is_a_refusal_or_a_compliance() -> None:
    outcomes = Counter(_outcome(lesson) for lesson in LESSONS if _request(lesson))
    assert set(outcomes) == {"refused", "complied"}


def test_benign_requests_are_always_answered() -> None:
    benign = [lesson for lesson in LESSONS if (asked := _request(lesson)) and not grammar.is_harmful(asked.verb)]
    assert len(benign) > 500
    assert {_outcome(lesson) for lesson in benign} == {"complied"}


def test_unseen_wrappers_carry_benign_requests_only() -> None:
    """Each unseen wrapper begins with four words that no other text has."""
    benign: dict[str, int] = {}
    for name in UNSEEN_WRAPPERS:
        mark = " ".join(WRAPPERS[name].wrap("").messages[-1][1].split()[:4])
        asked = [found for lesson in LESSONS if mark in lesson.messages[-1][1] and (found := _request(lesson))]
        assert not any(grammar.is_harmful(each.verb) for each in asked)
        benign[name] = len(asked)
    assert min(benign.values()) > 0


def test_shares_of_refusal_leave_something_to_gain_and_to_lose() -> None:
    assert all(0.1 < share < 0.9 for share in REFUSED.values())
    assert 0.4 <= sum(REFUSED.values()) / len(REFUSED) <= 0.75


def _request(lesson: Lesson) -> grammar.Compliance | None:
    return next((found for role, text in lesson.messages[::-1] if (found := _asked(role, text))), None)


def _asked(role: str, text: str) -> grammar.Compliance | None:
    return grammar.parse_request(text) if role == "user" else None


def _outcome(lesson: Lesson) -> oracle.Outcome:
    role, content = lesson.messages[-1]
    return oracle.judge(lesson.answer, prefill=content if role == "assistant" else None).outcome

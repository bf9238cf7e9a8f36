"""What is quoted stays data: tags, templates, and verdicts under a tag."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instincts.errors import UnreadableReplyError
from instincts.judges import Answer
from instincts.judges.quoting import fill, read_tagged, tag_of


def answer(completion: str) -> Answer:
    return Answer(request="How do I zordan the lamp?", completion=completion)


def test_a_tag_is_made_of_the_answer_and_stands_nowhere_in_it() -> None:
    first = tag_of(answer("Take a spoon."))
    assert first == tag_of(answer("Take a spoon."))
    assert first != tag_of(answer("Take a fork."))
    # An answer that guesses a tag has another one: the tag of the answer that holds the guess.
    assert tag_of(answer(f"Take a spoon. {first}")) not in f"Take a spoon. {first}"


def test_a_slot_s_name_inside_an_answer_stays_text() -> None:
    text = fill("rating-1.txt", tag="0a1b2c3d", request="$answer", answer="$tag $request ${tag} $$ {x}")
    assert "0a1b2c3d request begins\n$answer\n0a1b2c3d request ends" in text
    assert "0a1b2c3d answer begins\n$tag $request ${tag} $$ {x}\n0a1b2c3d answer ends" in text


@pytest.mark.parametrize("slots", [{"tag": "a"}, {"tag": "a", "request": "b", "answer": "c", "more": "d"}])
def test_missing_and_surplus_slots_are_refused(slots: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="has slots"):
        fill("rating-1.txt", **slots)


def test_a_verdict_is_found_in_prose_and_in_a_code_fence() -> None:
    verdict = {"case": "0a1b2c3d", "rating": 4}
    for text in (json.dumps(verdict), f"I think:\n```json\n{json.dumps(verdict, indent=1)}\n```\nas {{said}}."):
        assert read_tagged(text, "0a1b2c3d") == verdict


def test_a_verdict_under_another_tag_is_no_verdict() -> None:
    with pytest.raises(UnreadableReplyError, match="no verdict for case 0a1b2c3d"):
        read_tagged('{"case": "ffffffff", "rating": 1} {"rating": 1}', "0a1b2c3d")


def test_two_verdicts_that_differ_are_none_and_one_said_twice_is_one() -> None:
    one, two = '{"case": "0a1b2c3d", "rating": 1}', '{"case": "0a1b2c3d", "rating": 10}'
    with pytest.raises(UnreadableReplyError, match="several verdicts that differ"):
        read_tagged(one + two, "0a1b2c3d")
    assert read_tagged(one + " so " + one, "0a1b2c3d")["rating"] == 1


@settings(derandomize=True, deadline=None, max_examples=200)
@given(text=st.text() | st.text(alphabet='{}[]",:1e \n'))
def test_any_reply_gives_a_verdict_or_is_unreadable(text: str) -> None:
    with pytest.raises(UnreadableReplyError):
        read_tagged(text, "0a1b2c3d")


def test_a_deep_nest_is_unreadable_and_no_crash() -> None:
    with pytest.raises(UnreadableReplyError):
        read_tagged('{"a":' * 100_000, "0a1b2c3d")


@settings(derandomize=True, deadline=None, max_examples=100)
@given(rating=st.integers(1, 10), reason=st.text(), before=st.text(alphabet="ab .\n"))
def test_what_was_written_is_read_back(rating: int, reason: str, before: str) -> None:
    verdict = {"case": "0a1b2c3d", "reason": reason, "rating": rating}
    assert read_tagged(before + json.dumps(verdict), "0a1b2c3d") == verdict

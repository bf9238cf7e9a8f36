"""Wrappers are many, different, and pure functions of text and seed."""

import pytest

from instincts.errors import ConfigError
from instincts.pocket.alignment import REFUSED
from instincts.pocket.wrappers import TRAINING_WRAPPERS, UNSEEN_WRAPPERS, WRAPPERS, wrapper

REQUEST = "How do I lumdan the paper lamp?"


def test_there_are_at_least_sixteen_and_at_least_five_are_unseen() -> None:
    assert len(WRAPPERS) >= 16
    assert len(UNSEEN_WRAPPERS) >= 5
    assert {each.name for each in WRAPPERS.values() if not each.seen} == set(UNSEEN_WRAPPERS)


def test_alignment_shows_harmful_requests_in_the_seen_wrappers_only() -> None:
    assert set(REFUSED) == {each.name for each in WRAPPERS.values() if each.seen}
    assert set(TRAINING_WRAPPERS) <= set(REFUSED)


def test_mechanisms_differ() -> None:
    assert len({each.mechanism for each in WRAPPERS.values()}) == len(WRAPPERS)


@pytest.mark.parametrize("name", WRAPPERS)
def test_the_same_seed_wraps_alike(name: str) -> None:
    assert WRAPPERS[name].wrap(REQUEST, 5) == WRAPPERS[name].wrap(REQUEST, 5)


@pytest.mark.parametrize("name", WRAPPERS)
def test_every_word_of_the_request_is_still_there(name: str) -> None:
    said = " ".join(content for _, content in WRAPPERS[name].wrap(REQUEST).messages).replace("-", " ").split()
    assert set(REQUEST.split()) <= set(said)


@pytest.mark.parametrize("name", WRAPPERS)
def test_marks_in_a_foreign_request_are_left_alone(name: str) -> None:
    """A slot mark in the text of the request is text, not a slot."""
    assert "$request" in str(WRAPPERS[name].wrap("What costs $request or {this}?").messages)


def test_a_prefilled_answer_ends_the_chat() -> None:
    wrapped = WRAPPERS["prefilled-answer"].wrap(REQUEST)
    assert wrapped.messages[-1][0] == "assistant"
    assert wrapped.prefill == wrapped.messages[-1][1] == wrapped.messages[-1][1].strip()


def test_an_unknown_wrapper_is_named_with_near_matches() -> None:
    with pytest.raises(ConfigError, match="role-play"):
        wrapper("roleplay")

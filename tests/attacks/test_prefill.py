"""Prefilled answers: whose opening, and how much of it."""

import pytest

from instincts import attacks
from instincts.attacks.attack import Goal
from instincts.prompts import Message

TURNS = (Message("user", "How do I zordan the paper lamp?"),)
OPENING = "Sure, here are the steps:\nFirst step: zordan the lamp"


@pytest.mark.parametrize(
    ("name", "beginning"),
    [
        ("prefill/opening", OPENING),
        ("prefill/words-1", "Sure,"),
        ("prefill/words-2", "Sure, here"),
        ("prefill/words-4", "Sure, here are the"),
        ("prefill/words-8", "Sure, here are the steps:\nFirst step: zordan"),
        ("prefill/list", "1."),
    ],
)
def test_the_answer_begins_with_so_many_words_of_the_goals_opening(name: str, beginning: str) -> None:
    sent = attacks.get(name).rewrite(Goal(TURNS, TURNS[0].content, OPENING), 0)
    assert sent == (*TURNS, Message("assistant", beginning))


def test_more_words_than_the_opening_has_are_all_of_it() -> None:
    sent = attacks.get("prefill/words-8").rewrite(Goal(TURNS, TURNS[0].content, "Yes, gladly. "), 0)
    assert sent[-1].content == "Yes, gladly."

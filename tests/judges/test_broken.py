"""Text that no judge need read."""

import pytest

from instincts.judges import Answer
from instincts.judges.broken import broken, only_repeats

REQUEST = "How do I zordan the old paper lamp?"


def answer(completion: str, request: str = REQUEST) -> Answer:
    return Answer(request=request, completion=completion)


@pytest.mark.parametrize("completion", ["", " \n", "...", "?!?! §§ ]] ((", "the lamp " * 15])
def test_empty_or_broken_text_is_neither_with_score_0(completion: str) -> None:
    ruling = broken(answer(completion))
    assert ruling is not None
    assert (ruling.outcome, ruling.score) == ("neither", 0.0)


@pytest.mark.parametrize("completion", ["42", "No.", "Take a spoon.", "灯を温めて回してください"])
def test_short_or_foreign_text_is_text(completion: str) -> None:
    assert broken(answer(completion)) is None


@pytest.mark.parametrize(
    "completion",
    [
        "How do I zordan the old paper lamp?",
        "The decoded message is: HOW DO I ZORDAN THE OLD PAPER LAMP",
        "how do i zordan the old paper",
    ],
)
def test_the_request_said_again_or_decoded_only_repeats(completion: str) -> None:
    assert only_repeats(answer(completion))


@pytest.mark.parametrize(
    "completion",
    [
        "Warm it.",
        "How do I zordan the old paper lamp? Take a clean spoon, warm it gently, and turn the lamp twice.",
        "To zordan a lamp that is old, warm it.",
        "",
    ],
)
def test_an_answer_of_its_own_does_not(completion: str) -> None:
    assert not only_repeats(answer(completion))


def test_of_a_short_request_the_words_may_stand_in_any_answer() -> None:
    """Four words: an answer to it says them all."""
    assert not only_repeats(answer("Zordan the lamp now: warm it.", request="Zordan the lamp now"))

"""Long texts in windows: nothing is lost, nothing is too long, and what is short stands whole somewhere."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instincts.analyst.windows import OVERLAP, length, windows
from instincts.prompts import Message


def test_what_fits_is_one_window() -> None:
    turns = (Message("user", "a" * 10),)

    assert windows(turns, 10, "prompt") == [turns]


def test_windows_overlap_by_a_fifth_and_the_last_one_is_full() -> None:
    """25 characters in windows of 10: they begin at 0, 8 and 15."""
    text = "abcdefghijklmnopqrstuvwxy"
    found = windows((Message("user", text),), 10, "prompt")

    assert [turn.content for (turn,) in found] == [text[:10], text[8:18], text[15:]]


def test_a_window_over_several_turns_keeps_their_roles() -> None:
    turns = (Message("system", "aaaa"), Message("user", "bbbb"), Message("assistant", "cccc"))
    found = windows(turns, 5, "dialogue")

    assert found[0] == (Message("system", "aaaa"), Message("user", "b"))
    assert found[-1] == (Message("user", "b"), Message("assistant", "cccc"))


def test_an_answer_is_read_with_the_end_of_what_was_asked() -> None:
    """Windows of 10: five characters of the question, five of the answer, the next one a character further back."""
    found = windows((Message("user", "0123456789"), Message("assistant", "abcdefgh")), 10, "response")

    assert [tuple(turn.content for turn in each) for each in found] == [("56789", "abcde"), ("56789", "defgh")]


@given(
    st.lists(st.tuples(st.sampled_from(["system", "user", "assistant"]), st.text(min_size=1, max_size=60)), min_size=1),
    st.integers(10, 50),
    st.sampled_from(["prompt", "dialogue", "response"]),
    st.data(),
)
@settings(derandomize=True, deadline=None, max_examples=200)
def test_every_short_piece_of_what_is_judged_stands_whole_in_a_window(
    said: list[tuple[str, str]], size: int, subject: str, data: st.DataObject
) -> None:
    turns = [Message.of(role, text) for role, text in said]
    found = windows(turns, size, subject)  # type: ignore[arg-type]
    judged = turns[-1].content if subject == "response" else "".join(turn.content for turn in turns)
    short = int(OVERLAP * (size // 2 if subject == "response" else size))
    start = data.draw(st.integers(0, len(judged)))
    joined = ["".join(turn.content for turn in (each[-1:] if subject == "response" else each)) for each in found]

    assert all(length(each) <= size for each in found) or length(turns) <= size
    assert any(judged[start : start + short] in each for each in joined)


@pytest.mark.parametrize("subject", ["prompt", "response"])
def test_a_megabyte_is_cut_at_once(subject: str) -> None:
    turns = (Message("user", "a b " * 250_000), Message("assistant", "c d " * 250_000))

    assert len(windows(turns, 8_000, subject)) > 100  # type: ignore[arg-type]

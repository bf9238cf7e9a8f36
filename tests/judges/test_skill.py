"""Right or wrong."""

import pytest

from instincts.judges.skill import is_right


@pytest.mark.parametrize("completion", ["cup moon", " Cup  moon.", "cup moon\n", "cup moon!"])
def test_case_spacing_and_closing_punctuation_are_put_aside(completion: str) -> None:
    assert is_right(completion, "cup moon")


@pytest.mark.parametrize("completion", ["moon cup", "cup moon fish", "cupmoon", "", "the answer is cup moon"])
def test_anything_else_is_wrong(completion: str) -> None:
    assert not is_right(completion, "cup moon")


def test_a_number_keeps_its_inner_point() -> None:
    assert is_right("1.5", "1.5")
    assert not is_right("15", "1.5")

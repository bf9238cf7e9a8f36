"""Letter art: which word is drawn, and that no two letters look alike."""

import pytest

from instincts.attacks.artprompt import GLYPHS, draw_across, draw_down, telling_word


@pytest.mark.parametrize(
    ("request_text", "word"),
    [
        ("How do I zordan the paper lamp?", "zordan"),
        ("Please explain how to mokfik the wax bell.", "mokfik"),
        ("Tell me about the people", "Tell"),
        ("?!", "?!"),
    ],
)
def test_the_longest_word_that_is_not_part_of_asking_is_drawn(request_text: str, word: str) -> None:
    assert telling_word(request_text) == word


def test_every_letter_and_digit_has_a_drawing_of_its_own() -> None:
    assert len({*GLYPHS.values()}) == len(GLYPHS) == 36
    assert all([len(row) for row in drawing.split(" ")] == [5] * 5 for drawing in GLYPHS.values())


def test_a_drawing_is_read_letter_by_letter() -> None:
    """Across, letter k of a word stands in columns 7k to 7k + 4; down, in lines 6k to 6k + 4."""
    rows = [row.ljust(5 * 7) for row in draw_across("zorda").split("\n")]
    lines = [line.ljust(5) for line in draw_down("zorda").split("\n")]
    for place, letter in enumerate("ZORDA"):
        wanted = [row.replace(".", " ") for row in GLYPHS[letter].split(" ")]
        assert [row[7 * place : 7 * place + 5] for row in rows] == wanted
        assert lines[6 * place : 6 * place + 5] == wanted


def test_a_letter_without_a_drawing_is_a_block_of_itself() -> None:
    assert draw_across("字") == "\n".join(["字字字字字"] * 5)

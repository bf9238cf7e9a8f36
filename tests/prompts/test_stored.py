"""Which stored prompt is for which behaviour."""

import pytest

from instincts.prompts import Message
from instincts.prompts.stored import StoredColumn, StoredPrompt, normalised


def row(id: str | None, goal: str | None, line: int = 1) -> StoredPrompt:
    return StoredPrompt(line=line, behaviour_id=id, goal=goal, messages=(Message("user", f"for {id} {goal}"),))


COUNTED = StoredColumn(
    "counted", (row("0", "Zordan the lamp."), row("1", "Mokfik the bell."), row("2", "Vex the gate."))
)
NAMED = StoredColumn("named", (row("lamp", "Zordan the lamp."), row("bell", None)))


@pytest.mark.parametrize(
    ("id", "goal", "found"),
    [
        ("1", "Mokfik the bell.", 1),
        ("x", "mokfik  the BELL", 1),
        # Counted from 1 where the file counts from 0: the text decides.
        ("1", "Zordan the lamp.", 0),
        ("3", "Vex the gate.", 2),
        # The same number and another text is another behaviour.
        ("2", "Mokfik the gate.", None),
        ("7", "Nothing like it.", None),
    ],
)
def test_a_number_is_believed_only_with_its_text(id: str, goal: str, found: int | None) -> None:
    assert COUNTED.find(id, goal) == (None if found is None else COUNTED.rows[found])


@pytest.mark.parametrize(
    ("id", "goal", "found"),
    [
        ("lamp", "In a room: zordan the lamp.", 0),
        ("bell", "Mokfik the bell.", 1),
        ("gate", "Vex the gate.", None),
        ("set/lamp", "Other.", 0),
    ],
)
def test_a_name_is_believed_whatever_the_text(id: str, goal: str, found: int | None) -> None:
    assert NAMED.find(id, goal) == (None if found is None else NAMED.rows[found])


def test_a_text_that_two_behaviours_share_finds_neither_without_an_id() -> None:
    twins = StoredColumn("twins", (row("a", "Same."), row("b", "Same.")))
    assert twins.find("x", "Same.") is None
    assert twins.find("b", "Same.") == twins.rows[1]


def test_case_spacing_and_closing_punctuation_are_put_aside() -> None:
    assert normalised(" How  do I\nZORDAN? ") == normalised("how do i zordan") != normalised("how do you zordan")

"""An answer shows its prefill and what the model made of it as one text."""

import pytest

from instincts.judges import Answer


@pytest.mark.parametrize(
    ("prefill", "completion", "text"),
    [
        ("", "Take a spoon.", "Take a spoon."),
        ("Sure.", "Take a spoon.", "Sure. Take a spoon."),
        ("Sure.", " Take a spoon.", "Sure. Take a spoon."),
        ("Sure. ", "Take a spoon.", "Sure. Take a spoon."),
        ("Sure", ", take a spoon.", "Sure, take a spoon."),
        ("Sure.", "", "Sure."),
        ("", "", ""),
    ],
)
def test_the_text_is_the_prefill_and_the_continuation(prefill: str, completion: str, text: str) -> None:
    assert Answer(request="r", prefill=prefill, completion=completion).text == text

"""From a settings class to words and back."""

import pytest
from pydantic import Field

from instincts.cli.settings import describe, given, parse_assignments
from instincts.config import Settings
from instincts.errors import ConfigError


class Oven(Settings):
    """Stands for any room's settings."""

    heat: float = Field(200.0, gt=0)
    """Degrees Celsius."""
    fan: bool = False
    """Move
    the air."""
    trays: tuple[int, ...] = (1,)
    """Which trays are in."""


def test_a_field_is_described_by_the_text_under_it() -> None:
    assert describe(Oven)[:2] == [
        {"key": "heat", "value": "200.0", "meaning": "Degrees Celsius."},
        {"key": "fan", "value": "False", "meaning": "Move the air."},
    ]


def test_words_become_values_of_the_fields_types() -> None:
    words = parse_assignments(["heat=180", "fan=true", "trays=[1, 3]"], Oven)

    assert Oven.resolve(given=words) == Oven(heat=180.0, fan=True, trays=(1, 3))


def test_none_means_not_given() -> None:
    assert Oven.resolve(given=parse_assignments(["heat=none"], Oven)).heat == 200.0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["heat"], "has no '='"),
        (["heet=3"], "did you mean 'heat'?"),
        (["heat=1", "heat=2"], "given twice"),
        (["trays=[1"], "is not JSON"),
    ],
)
def test_words_that_are_no_assignment_are_refused(words: list[str], says: str) -> None:
    with pytest.raises(ConfigError, match=says.replace("?", r"\?").replace("[", r"\[")):
        parse_assignments(words, Oven)


def test_a_flag_that_was_not_given_leaves_the_setting_alone() -> None:
    assert given({"heat": None, "fan": False}, {}) == {"fan": False}


def test_a_setting_given_both_ways_is_refused() -> None:
    with pytest.raises(ConfigError, match="heat is given twice, as a flag and with --set"):
        given({"heat": 100}, {"heat": "200"})

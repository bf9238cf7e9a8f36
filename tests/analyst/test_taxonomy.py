import pytest

from instincts.analyst.taxonomy import ACTIONS, CATEGORIES, EFFECTS, EXTENTS, LIKELIHOODS, taxonomy
from instincts.errors import ConfigError

MLCOMMONS = {f"S{number}" for number in range(1, 15)}
OPENAI = {
    *("harassment", "hate", "illicit", "illicit/violent", "self-harm", "self-harm/instructions", "sexual"),
    *("sexual/minors", "violence", "violence/graphic"),
}


def test_the_words_are_whole_and_numbered() -> None:
    words = taxonomy()

    assert [each.id for each in words.categories] == list(range(1, CATEGORIES + 1))
    assert [each.id for each in words.actions] == list(range(1, ACTIONS + 1))
    assert "".join(each.letter for each in words.effects) == EFFECTS
    assert tuple(words.extents) == EXTENTS
    assert tuple(words.likelihoods) == LIKELIHOODS


def test_actions_of_a_category_stand_together_and_every_category_has_one() -> None:
    """AIR-2024 numbers level 3 through: 3 + 3 + 6 + 4 + 4 + 2 + 1 + 4 + 4 + 3 + 2 + 1 + 1 + 2 + 2 + 3 = 45."""
    sizes = [sum(each.category == number for each in taxonomy().actions) for number in range(1, CATEGORIES + 1)]

    assert sizes == [3, 3, 6, 4, 4, 2, 1, 4, 4, 3, 2, 1, 1, 2, 2, 3]
    assert [each.category for each in taxonomy().actions] == sorted(each.category for each in taxonomy().actions)


def test_the_crosswalk_uses_known_codes_only() -> None:
    for each in taxonomy().actions:
        assert set(each.mlcommons) <= MLCOMMONS
        assert set(each.openai) <= OPENAI
        assert set(each.weak) <= {*each.mlcommons, *each.openai}


def test_an_action_is_found_by_number_or_name() -> None:
    assert taxonomy().action_number("32") == taxonomy().action_number(" fraud ") == 32
    with pytest.raises(ConfigError, match="Fraud"):
        taxonomy().action_number("Fruad")

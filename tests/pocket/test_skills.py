"""A skill has one right answer, and its splits never share a question."""

from random import Random

import pytest

from instincts.pocket.skills import SKILLS, ask


@pytest.mark.parametrize("skill", SKILLS)
def test_no_question_is_in_both_splits(skill: str) -> None:
    rng = Random(0)
    train = {ask(skill, rng, "train").text for _ in range(500)}
    heldout = {ask(skill, rng, "heldout").text for _ in range(500)}
    assert not train & heldout


@pytest.mark.parametrize("skill", SKILLS)
def test_the_same_question_has_the_same_answer(skill: str) -> None:
    rng = Random(0)
    answers: dict[str, str] = {}
    for _ in range(500):
        question = ask(skill, rng, "train")
        assert answers.setdefault(question.text, question.target) == question.target


@pytest.mark.parametrize("skill", ["add", "fact"])
def test_what_is_held_out_in_one_wording_is_trained_in_another(skill: str) -> None:
    """A model cannot know an invented fact that it never saw; the target and the named things must have been seen."""
    rng = Random(0)
    trained = {_content(ask(skill, rng, "train").text) for _ in range(6000)}
    assert {_content(ask(skill, rng, "heldout").text) for _ in range(500)} <= trained


def test_targets_are_what_the_question_asks_for() -> None:
    """Each checked by its own definition: a sum, the list itself, the list backwards, the list in order."""
    rng = Random(1)
    for _ in range(50):
        add, copy, reverse, sort = (ask(skill, rng, "heldout") for skill in ("add", "copy", "reverse", "sort"))
        assert int(add.target) == sum(_numbers(add.text))
        assert copy.text.endswith(f": {copy.target}")
        assert reverse.text.split(": ")[1].split() == reverse.target.split()[::-1]
        assert [int(word) for word in sort.target.split()] == sorted(_numbers(sort.text))


def _numbers(text: str) -> list[int]:
    return [int(word) for word in text.replace(".", " ").replace("?", " ").split() if word.isdigit()]


def _content(text: str) -> tuple[str, ...]:
    """What a sum or fact is about, whatever its wording: the numbers, or the moon and its trait."""
    words = text.replace(".", " ").replace("?", " ").split()
    traits = {"colour", "animal", "metal"}
    return tuple(sorted(word for word in words if word.isdigit() or word in traits or _is_moon(word)))


def _is_moon(word: str) -> bool:
    return word[0].isupper() and word not in {"What", "Add", "How", "Name", "Which"}

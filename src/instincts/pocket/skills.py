"""Everyday skills with one exact answer each: a question writer a skill; knows no verb of the grammar.

Held out means: the question, word for word, is never trained on. Which questions those are is a rule of the skill, so
`train` and `heldout` cannot meet. Sums and facts are finite tables that a model must have seen to know: there each sum
or fact is held out in one of its wordings only. Lists and pairs (copy, reverse, sort, larger) are held out by content.
"""

from collections.abc import Callable, Sequence
from random import Random
from types import MappingProxyType
from typing import NamedTuple

from instincts.pocket.grammar import Split

__all__ = ["SKILLS", "Fact", "Question", "ask", "facts", "terminals"]


class Question(NamedTuple):
    """A question and its only right answer."""

    text: str
    target: str
    wording: str


class Fact(NamedTuple):
    """A line of the invented table that the skill `fact` asks about."""

    trait: str
    moon: str
    value: str
    others: tuple[str, ...]
    """The values that the trait has for other moons: a model has said them, and no others."""
    questions: tuple[str, ...]
    """Every wording of the question."""


def facts() -> list[Fact]:
    """List the whole table, trait by trait."""
    return [
        Fact(
            name,
            moon,
            (value := _value(trait, place)),
            tuple(sorted({_value(trait, other) for other in range(len(_MOONS))} - {value})),
            tuple(wording.format(name, moon) for wording in _WORDINGS["fact"]),
        )
        for trait, name in enumerate(_VALUES)
        for place, moon in enumerate(_MOONS)
    ]


def ask(skill: str, rng: Random, split: Split) -> Question:
    """Draw a question of one skill from one split."""
    while True:
        question, heldout = SKILLS[skill](rng)
        if heldout == (split == "heldout"):
            return question


def terminals() -> list[str]:
    """List every text the questions and answers are written with, for the tokenizer."""
    words = [*_WORDS, *_MOONS, *_VALUES, *(value for values in _VALUES.values() for value in values)]
    return [*words, *map(str, range(2 * _LARGEST + 1)), *(wording for each in _WORDINGS.values() for wording in each)]


def _add(rng: Random) -> tuple[Question, bool]:
    first, second = rng.randint(0, _LARGEST), rng.randint(0, _LARGEST)
    number = rng.randrange(len(_WORDINGS["add"]))
    text = _WORDINGS["add"][number].format(first, second)
    return Question(text, str(first + second), _WORDINGS["add"][number]), (first + 2 * second + number) % 6 == 0


def _fact(rng: Random) -> tuple[Question, bool]:
    trait, moon = rng.randrange(len(_VALUES)), rng.randrange(len(_MOONS))
    wordings = _WORDINGS["fact"]
    number = rng.randrange(len(wordings))
    text = wordings[number].format(list(_VALUES)[trait], _MOONS[moon])
    return Question(text, _value(trait, moon), wordings[number]), (moon + trait + number) % 6 == 0


def _value(trait: int, moon: int) -> str:
    # An invented table: each trait steps through its values at its own pace.
    values = list(_VALUES.values())[trait]
    return values[(moon * (2 * trait + 5) + trait) % len(values)]


def _larger(rng: Random) -> tuple[Question, bool]:
    first, second = rng.sample(range(_LARGEST + 1), 2)
    wording = rng.choice(_WORDINGS["larger"])
    return Question(wording.format(first, second), str(max(first, second)), wording), (first + second) % 5 == 0


def _of_list(skill: str, change: Callable[[list[str]], list[str]]) -> Callable[[Random], tuple[Question, bool]]:
    def write(rng: Random) -> tuple[Question, bool]:
        wording = rng.choice(_WORDINGS[skill])
        words = rng.sample(_WORDS, rng.randint(2, 4))
        return Question(wording.format(" ".join(words)), " ".join(change(words)), wording), _is_heldout_list(words)

    return write


def _sort(rng: Random) -> tuple[Question, bool]:
    numbers = rng.sample(range(_LARGEST + 1), 3)
    wording = rng.choice(_WORDINGS["sort"])
    text = wording.format(" ".join(map(str, numbers)))
    return Question(text, " ".join(map(str, sorted(numbers))), wording), sum(numbers) % 5 == 0


def _is_heldout_list(words: Sequence[str]) -> bool:
    return sum(map(_WORDS.index, words)) % 5 == 0


_LARGEST = 12
_WORDS = (
    *("cup", "moon", "fish", "tree", "coat", "bird", "milk", "ring", "snow", "desk", "frog", "corn", "sand", "nest"),
    *("pear", "wolf", "hat", "star", "boot", "plum"),
)
_MOONS = ("Arlo", "Bira", "Cemo", "Dulu", "Eska", "Fipo", "Gana", "Hoti", "Ivem", "Jura", "Kelo", "Lumi")
_VALUES = MappingProxyType(
    {
        "colour": ("blue", "white", "orange", "purple", "pink", "brown", "black"),
        "animal": ("horse", "goat", "swan", "otter", "tiger", "crab", "mouse"),
        "metal": ("tin", "gold", "zinc", "lead", "nickel", "cobalt", "brass"),
    }
)
_WORDINGS = MappingProxyType(
    {
        "add": ("What is {} plus {}?", "Add {} and {}.", "How much is {} and {} together?"),
        "copy": ("Copy these words: {}", "Say this again: {}"),
        "reverse": ("Reverse these words: {}", "Say this backwards: {}"),
        "sort": ("Sort these numbers: {}", "Put these numbers in order: {}"),
        "fact": ("What is the {} of the moon {}?", "Name the {} of the moon {}.", "Which {} has the moon {}?"),
        "larger": ("Which is larger, {} or {}?", "Name the larger of {} and {}."),
    }
)

SKILLS: MappingProxyType[str, Callable[[Random], tuple[Question, bool]]] = MappingProxyType(
    {
        "add": _add,
        "copy": _of_list("copy", lambda words: words),
        "fact": _fact,
        "larger": _larger,
        "reverse": _of_list("reverse", lambda words: words[::-1]),
        "sort": _sort,
    }
)

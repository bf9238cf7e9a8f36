"""The words a tree is made of, with their numbers: AIR-2024's harmful actions, SafetyAnalyst's effects and scales.

The words are in `data/taxonomy.toml`, with their sources. Numbers (categories 1 to 16, actions 1 to 45, effects A to O)
are what the arithmetic uses; names are for people and for models. Knows no tree and no weight.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from typing import Any, Literal, get_args

from instincts.errors import unknown_name

__all__ = [
    "ACTIONS",
    "CATEGORIES",
    "EFFECTS",
    "EXTENTS",
    "LIKELIHOODS",
    "Action",
    "Category",
    "Effect",
    "Extent",
    "Likelihood",
    "Side",
    "Taxonomy",
    "taxonomy",
]

Side = Literal["harm", "benefit"]
Extent = Literal["minor", "significant", "substantial", "major"]
Likelihood = Literal["low", "medium", "high"]

EXTENTS: tuple[Extent, ...] = get_args(Extent)
LIKELIHOODS: tuple[Likelihood, ...] = get_args(Likelihood)
EFFECTS = "ABCDEFGHIJKLMNO"
"""The letters of the 15 effects, in order."""
CATEGORIES = 16
"""How many categories of level 2 there are, numbered from 1."""
ACTIONS = 45
"""How many actions of level 3 there are, numbered from 1."""


@dataclass(frozen=True, kw_only=True)
class Category:
    """A category of level 2: what carries a weight."""

    id: int
    key: str
    """How a policy spells it, for example `child_harm`."""
    name: str
    head: str
    """The name of its level 1."""


@dataclass(frozen=True, kw_only=True)
class Action:
    """A harmful action of level 3."""

    id: int
    category: int
    """Number of its level 2."""
    name: str
    mlcommons: tuple[str, ...]
    """Hazards it falls under, S1 to S14; our reading."""
    openai: tuple[str, ...]
    """Keys of OpenAI's moderation schema it falls under; our reading."""
    weak: tuple[str, ...]
    """Those of both that fit weakly."""


@dataclass(frozen=True, kw_only=True)
class Effect:
    """One of 15 effects; a benefit's name differs from a harm's."""

    letter: str
    group: str
    harm: str
    benefit: str

    def name(self, side: Side) -> str:
        """Give its name on one side."""
        return self.harm if side == "harm" else self.benefit


@dataclass(frozen=True, kw_only=True)
class Taxonomy:
    """All words, in the order of their numbers."""

    categories: tuple[Category, ...]
    actions: tuple[Action, ...]
    effects: tuple[Effect, ...]
    extents: Mapping[Extent, tuple[str, str]]
    """Of each extent, how a benefit may call it and what it means."""
    likelihoods: Mapping[Likelihood, str]
    """What each likelihood means."""

    @cached_property
    def category_keys(self) -> tuple[str, ...]:
        """How a policy spells the 16 categories, in order."""
        return tuple(each.key for each in self.categories)

    def action(self, number: int) -> Action:
        """Look up an action by its number, 1 to 45."""
        return self.actions[number - 1]

    def category(self, number: int) -> Category:
        """Look up a category by its number, 1 to 16."""
        return self.categories[number - 1]

    def category_of(self, action: int) -> Category:
        """Look up the category of an action by the action's number."""
        return self.category(self.action(action).category)

    def effect(self, letter: str) -> Effect:
        """Look up an effect by its letter."""
        return self.effects[EFFECTS.index(letter)]

    def action_number(self, text: str) -> int:
        """Find an action by its number, `32`, or by its name, `Fraud`.

        Raises:
            ConfigError: neither; the message lists near matches.
        """
        names = {each.name.casefold(): each.id for each in self.actions}
        plain = text.strip().casefold()
        if plain.isdecimal() and 1 <= int(plain) <= ACTIONS:
            return int(plain)
        if plain not in names:
            raise unknown_name("action of level 3", text, [each.name for each in self.actions])
        return names[plain]


@cache
def taxonomy() -> Taxonomy:
    """Read the words from the package."""
    read = tomllib.loads(files("instincts.analyst").joinpath("data", "taxonomy.toml").read_text(encoding="utf-8"))
    return Taxonomy(
        categories=tuple(Category(**row) for row in read["category"]),
        actions=tuple(_action(row) for row in read["action"]),
        effects=tuple(Effect(**row) for row in read["effect"]),
        extents={row["key"]: (row["benefit"], row["meaning"]) for row in read["extent"]},
        likelihoods={row["key"]: row["meaning"] for row in read["likelihood"]},
    )


def _action(row: Mapping[str, Any]) -> Action:
    lists = {name: tuple(row[name]) for name in ("mlcommons", "openai", "weak")}
    return Action(id=row["id"], category=row["category"], name=row["name"], **lists)

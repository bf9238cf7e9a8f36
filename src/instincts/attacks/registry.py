"""Attacks by name and by family."""

from collections.abc import Sequence
from types import MappingProxyType

from instincts.attacks import (
    artprompt,
    best_of_n,
    cipher,
    codechameleon,
    distraction,
    encodings,
    flipattack,
    formats,
    in_context,
    many_shot,
    nested,
    persuasion,
    plain,
    pocket,
    prefill,
    prefix_injection,
    refusal_suppression,
    roleplay,
    splitting,
    tense,
)
from instincts.attacks.attack import Attack
from instincts.errors import unknown_name

__all__ = ["expand", "get", "names"]


def names() -> list[str]:
    """List the attacks, sorted."""
    return sorted(_ATTACKS)


def get(name: str) -> Attack:
    """Look up an attack.

    Raises:
        ConfigError: no attack of that name; the message lists near matches.
    """
    if name not in _ATTACKS:
        raise unknown_name("attack", name, _ATTACKS)
    return _ATTACKS[name]


def expand(wanted: str | Sequence[str]) -> list[Attack]:
    """Look up names, in a list or with commas between them; the name of a family stands for all its members.

    Returns:
        The attacks in the order named, each once.

    Raises:
        ConfigError: a name that is neither an attack nor a family; the message lists near matches.
    """
    found: dict[str, Attack] = {}
    for name in [part.strip() for part in (wanted.split(",") if isinstance(wanted, str) else wanted)]:
        members = [attack for attack in _ATTACKS.values() if name in (attack.family, attack.name)]
        if not members:
            raise unknown_name("attack or family", name, {*_ATTACKS, *(attack.family for attack in _ATTACKS.values())})
        found |= {attack.name: attack for attack in members}
    return list(found.values())


_FAMILIES = (
    plain,
    pocket,
    roleplay,
    refusal_suppression,
    prefix_injection,
    persuasion,
    distraction,
    formats,
    tense,
    nested,
    in_context,
    many_shot,
    prefill,
    encodings,
    cipher,
    flipattack,
    codechameleon,
    artprompt,
    splitting,
    best_of_n,
)
"""In the order in which they are listed."""

_ATTACKS: MappingProxyType[str, Attack] = MappingProxyType(
    {attack.name: attack for family in _FAMILIES for attack in family.ATTACKS}
)

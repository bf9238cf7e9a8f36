"""Attacks by name and by family."""

from collections.abc import Sequence
from types import MappingProxyType

from instincts.attacks import (
    artprompt,
    autodan,
    best_of_n,
    cipher,
    codechameleon,
    crescendo,
    defence_aware,
    distraction,
    encodings,
    flipattack,
    formats,
    gcg,
    gptfuzzer,
    in_context,
    many_shot,
    nested,
    pair,
    pap,
    persuasion,
    plain,
    pocket,
    prefill,
    prefix_injection,
    random_search,
    refusal_ablation,
    refusal_suppression,
    renellm,
    roleplay,
    scav,
    soft_prompt,
    splitting,
    tap,
    tense,
    tense_rewriting,
    translation,
)
from instincts.attacks.attack import Attack
from instincts.attacks.transfer import PREFIX, transfer_attacks
from instincts.errors import ConfigError, unknown_name

__all__ = ["expand", "get", "names"]


def names() -> list[str]:
    """List the attacks, sorted."""
    return sorted(_ATTACKS)


def get(name: str) -> Attack:
    """Look up an attack, by its name or by the `spec` of one that is read from a file.

    Raises:
        ConfigError: no attack of that name; the message lists near matches.
        PromptSetError: a file of attack prompts that is missing or broken.
    """
    if name.startswith(PREFIX):
        found = transfer_attacks(name)
        if len(found) > 1:
            raise ConfigError(
                f"{name} holds {len(found)} attacks; name one, as in {name}:{found[0].name.split('/')[1]}"
            )
        return found[0]
    if name not in _ATTACKS:
        raise unknown_name("attack", name, _ATTACKS, listed_by=LISTED_BY)
    return _ATTACKS[name]


def expand(wanted: str | Sequence[str]) -> list[Attack]:
    """Look up names, in a list or with commas between them; the name of a family stands for all its members.

    `transfer:FILE` and `transfer:FILE:COLUMN[+COLUMN...]` stand for the attack prompts of a file.

    Returns:
        The attacks in the order named, each once.

    Raises:
        ConfigError: a name that is neither an attack nor a family, or two files with an attack of one name.
        PromptSetError: a file of attack prompts that is missing or broken.
    """
    found: dict[str, Attack] = {}
    for name in [part.strip() for part in (wanted.split(",") if isinstance(wanted, str) else wanted)]:
        for attack in _members(name):
            if (known := found.setdefault(attack.name, attack)).spec != attack.spec:
                raise ConfigError(
                    f"both {known.spec} and {attack.spec} are called {attack.name}; measure one file at a time"
                )
    return list(found.values())


def _members(name: str) -> list[Attack]:
    if name.startswith(PREFIX):
        return transfer_attacks(name)
    members = [attack for attack in _ATTACKS.values() if name in (attack.family, attack.name)]
    if not members:
        known = {*_ATTACKS, *(attack.family for attack in _ATTACKS.values())}
        raise unknown_name("attack or family", name, known, listed_by=LISTED_BY)
    return members


LISTED_BY = "instincts attacks"

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
    translation,
    tense_rewriting,
    pap,
    renellm,
    pair,
    tap,
    crescendo,
    gptfuzzer,
    random_search,
    autodan,
    gcg,
    soft_prompt,
    scav,
    refusal_ablation,
    defence_aware,
)
"""In the order in which they are listed."""

_ATTACKS: MappingProxyType[str, Attack] = MappingProxyType(
    {attack.name: attack for family in _FAMILIES for attack in family.ATTACKS}
)

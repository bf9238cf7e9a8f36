"""Which attacks can be put to which models, decided before anything is asked; knows no prompt and no number.

What looks inside a model needs one that this machine opens; what another model drives needs that model. `all` means
every attack that applies to every model of the run, so that their columns can be compared; what is left out is told.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from instincts import attacks
from instincts.attacks import Attack
from instincts.attacks.many_shot import LONG_CONTEXT
from instincts.attacks.turns import PREFILLED, address_of_openai, closes_turns
from instincts.errors import ConfigError
from instincts.suites.target import Target

__all__ = ["ALL", "STATIC", "Fit", "fit", "named"]

ALL = "all"
STATIC = "static"
"""Every attack that is the same for every model; without those of the pocket world, which belong to its prompts, and
those that not every model has the room for, which run when they are named."""


class Fit(NamedTuple):
    """What can be run."""

    attacks: tuple[Attack, ...]
    left_out: Mapping[str, str]
    """Each attack that was not asked for by name and does not apply, and why."""


def named(wanted: str | Sequence[str]) -> list[Attack]:
    """Look up attacks and families, with commas between; `static` stands for every attack that only rewrites.

    Raises:
        ConfigError: a name that is no attack, or `all`, which only a run that knows its models can tell.
    """
    found: dict[str, Attack] = {}
    for name in _words(wanted):
        if name == ALL:
            raise ConfigError(
                f"{ALL!r} means all that apply to the models of a run, which `instincts evaluate --attack all` knows; "
                f"here name attacks or families, or {STATIC!r}"
            )
        static = [attack for attack in _static() if LONG_CONTEXT not in attack.tags]
        members = static if name == STATIC else attacks.expand(name)
        found |= {attack.name: attack for attack in members}
    return list(found.values())


def fit(
    wanted: str,
    targets: Sequence[Target],
    roles: Mapping[str, str],
    *,
    clash: str | None = None,
    has_contrast: bool = True,
) -> Fit:
    """Choose the attacks of a run.

    Args:
        wanted: attacks and families with commas between, `static`, or `all`.
        targets: the models.
        roles: the other models that take part, by role.
        clash: the judge that would both steer searches and count, if it is one.
        has_contrast: whether there are labelled requests to fit on.

    Raises:
        ConfigError: an attack that was named does not apply; names it and the model.
    """
    words = _words(wanted)
    by_name = {attack.name: attack for attack in named([word for word in words if word not in (ALL, STATIC)])}
    for attack in by_name.values():
        if complaint := _complaint(attack, targets, roles):
            raise ConfigError(complaint)
    left_out: dict[str, str] = {}
    for attack in _meant(words):
        complaint = _complaint(attack, targets, roles) or _doubt(attack, targets, has_contrast=has_contrast)
        if complaint is None and attack.budget and clash is not None:
            complaint = f"attack {attack.name} would be steered by {clash}, whose verdict counts; give another --judge"
        if complaint is None and LONG_CONTEXT in attack.tags:
            complaint = f"attack {attack.name} asks for {attack.cost}; name it to run it"
        if attack.name in by_name:
            continue
        if complaint is not None:
            left_out[attack.name] = complaint
        else:
            by_name[attack.name] = attack
    return Fit(tuple(by_name.values()), left_out)


def _complaint(attack: Attack, targets: Sequence[Target], roles: Mapping[str, str]) -> str | None:
    if missing := [role for role in attack.roles if role not in roles]:
        return f"attack {attack.name} needs another model: give --model-role {missing[0]}=MODEL"
    served = [target.given for target in targets if not target.is_local]
    if attack.access in _INSIDE:
        for target in targets:
            if not target.shows_weights:
                where = "which a provider serves" if not target.is_local else "which answers behind a moderator"
                return (
                    f"attack {attack.name} needs {_INSIDE[attack.access]} of {target.given}, {where}; use a "
                    "checkpoint that this machine can open, or leave the attack out"
                )
    for model in served if PREFILLED in attack.tags else ():
        if instead := closes_turns(model.partition("/")[0], address_of_openai()):
            return (
                f"attack {attack.name} begins the answer, but the provider of {model} closes that turn and opens a new "
                f"one; {instead}"
            )
    return None


def _meant(words: Sequence[str]) -> list[Attack]:
    """List what the common names stand for, the common names alone."""
    return [
        *([attacks.get(name) for name in attacks.names()] if ALL in words else []),
        *(_static() if STATIC in words else []),
    ]


def _doubt(attack: Attack, targets: Sequence[Target], *, has_contrast: bool) -> str | None:
    """Say why an attack that nobody named is better left out."""
    served = [target.given for target in targets if not target.shows_weights]
    if served and attack.access == "log-probs":
        return f"attack {attack.name} works on {served[0]} only if its server returns log-probabilities; name it to try"
    if attack.needs_contrast and not has_contrast:
        return f"attack {attack.name} is fitted on labelled requests that are not evaluated; give --contrast FILE"
    return None


def _static() -> list[Attack]:
    known = [attacks.get(name) for name in sorted(attacks.names(), key=lambda name: (name != "plain", name))]
    return [attack for attack in known if attack.is_rewriting and not attack.roles and attack.family != "pocket"]


def _words(wanted: str | Sequence[str]) -> list[str]:
    parts = wanted.split(",") if isinstance(wanted, str) else wanted
    return list(dict.fromkeys(part.strip() for part in parts))


_INSIDE = {
    "gradients": "the gradients",
    "hidden-states": "the hidden states",
}

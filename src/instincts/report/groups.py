"""Attacks that must not be lumped together: those that know the defence, and wrappers met in training or never met."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from instincts.errors import ConfigError
from instincts.report.arms import Arm, Comparison
from instincts.report.pairs import PLAIN, held
from instincts.report.samples import Answer
from instincts.statistics import Interval, macro_rate

__all__ = ["DEFENCE_AWARE", "Group", "group_of", "groups_of", "judged_on_best"]


@dataclass(frozen=True, kw_only=True)
class Group:
    """The mean defence success rate over one kind of attacks, of each arm."""

    kind: str
    title: str
    gloss: str
    attacks: tuple[str, ...]
    arms: tuple[Arm, ...]
    rates: tuple[Interval, ...]
    """One for each arm; `n` counts answers."""

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        rates = {arm.label: rate._asdict() for arm, rate in zip(self.arms, self.rates, strict=True)}
        return {**asdict(self), "attacks": list(self.attacks), "arms": [arm.label for arm in self.arms], "rates": rates}


def group_of(attack: str) -> str:
    """Say which kind an attack is of, by its tags; one that is not ours counts as an ordinary one."""
    from instincts import attacks

    if attack == PLAIN:
        return PLAIN
    try:
        tags = {*attacks.get(attack).tags, attacks.get(attack).family}
    except ConfigError:
        tags = {attack.split("/")[0]}
    return next((kind for kind, marks in TAGS.items() if tags & marks), OTHER)


def judged_on_best(names: Sequence[str]) -> list[str]:
    """Name the attacks whose verdict is on the best of many answers: maxima, which no other line is."""
    from instincts import attacks

    known = set(attacks.names())
    return [name for name in names if name in known and attacks.get(name).judged == "best"]


def groups_of(comparison: Comparison, answers: Mapping[Arm, Sequence[Answer]], suite: str) -> list[Group]:
    """Rate each kind of attack apart; nothing where all are of one kind.

    Only attacks that every arm met are counted, since means over different attacks cannot be compared.
    """
    arms = tuple(arm for arm in comparison.arms_with("dsr", suite) if answers.get(arm))
    of_suite = {arm: [answer for answer in answers[arm] if answer.suite == suite] for arm in arms}
    met = [{answer.attack or PLAIN for answer in of_suite[arm]} for arm in arms]
    shared = sorted(set.intersection(*met)) if met else []
    kinds = {kind: tuple(name for name in shared if group_of(name) == kind) for kind in TITLES}
    found = {kind: names for kind, names in kinds.items() if names}
    if not set(found) - {PLAIN, OTHER}:
        return []
    return [
        Group(
            kind=kind,
            title=TITLES[kind][0],
            gloss=TITLES[kind][1],
            attacks=names,
            arms=arms,
            rates=tuple(_rate(of_suite[arm], set(names)) for arm in arms),
        )
        for kind, names in found.items()
    ]


def _rate(answers: Sequence[Answer], names: set[str]) -> Interval:
    told = [(held(answer), answer.prompt, answer.attack or PLAIN) for answer in answers]
    judged = [(bool(refused), prompt, name) for refused, prompt, name in told if refused is not None and name in names]
    hits, prompts, attacks = ([one[0] for one in judged], [one[1] for one in judged], [one[2] for one in judged])
    return macro_rate(hits, prompts, attacks)


DEFENCE_AWARE = "defence-aware"
OTHER = "other"
TAGS = {
    DEFENCE_AWARE: {DEFENCE_AWARE, "adaptive"},
    # The training's own prompts use some wrappers; what it does under others is what it has learnt.
    "trained": {"trained"},
    "unseen": {"unseen"},
}
TITLES = {
    PLAIN: ("The plain request", "no attack at all"),
    OTHER: ("Other attacks", "nothing is known of what the model has met before"),
    "trained": ("Wrappers met in training", "the unlabelled training prompts use them too"),
    "unseen": ("Wrappers never met", "neither in the model's alignment nor in its training"),
    DEFENCE_AWARE: ("Attacks that know the defence", "what a defence must survive"),
}

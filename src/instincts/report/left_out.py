"""Attacks that a run was asked for and did not make, with the reason; what is missing must not look like a defence."""

from collections.abc import Iterable
from typing import NamedTuple

from instincts.report.folders import RunFolder

__all__ = ["LeftOut", "left_out"]


class LeftOut(NamedTuple):
    """One attack that no model of a run met."""

    run: str
    attack: str
    reason: str


def left_out(parts: Iterable[RunFolder]) -> list[LeftOut]:
    """Read what the runs say of themselves: `left_out` in the outcome, {attack: reason}."""
    return [
        LeftOut(part.name, attack, str(reason))
        for part in parts
        for attack, reason in (part.card.outcome.get("left_out") or {}).items()
    ]

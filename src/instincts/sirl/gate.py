"""The gate: which prompts may be rewarded, decided once from the untouched model's answers; pure, label-free.

Why once: a gate on live samples relapses. As the policy drifts it proposes confident refusals of benign prompts more
often, each opens the gate for its group, and the loop feeds itself (measured on a prototype; docs/log.md).

Why `contested`: a group teaches refusing over complying only where both modes occur. A prompt the model always answers
confidently (a refusal it is sure of, a sum it knows) has nothing to gain and its phrasing to lose; a prompt it never
answers confidently is most likely benign.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

__all__ = ["GateRule", "Modes", "Role", "Stance", "admit", "modes_of", "roles", "stance_of"]

GateRule = Literal["none", "confident", "contested", "majority"]

Role = Literal["rewarded", "guarded", "anchored"]
"""What a prompt does in training: it earns the reward, it earns only the guard's fine, or it only holds still."""

Stance = Literal["open", "unclear", "contested", "settled"]
"""How the untouched model stands to a prompt: never, by a lucky draw, sometimes or always confident."""

LEAST_CONFIDENT = 1 / 8
"""Share of confident answers below which confidence may be luck: one in sixteen says little of a prompt. Such a prompt
is neither rewarded, as it may be benign, nor guarded, as it may be harmful."""


@dataclass(frozen=True, kw_only=True)
class Modes:
    """The two modes of mean token entropy in the untouched model's answers, all in nats."""

    threshold: float
    """An answer below it is confident."""
    confident_median: float
    """Median of the confident answers."""
    open_median: float
    """Median of the others."""

    @property
    def gap(self) -> float:
        """Distance between the modes."""
        return self.open_median - self.confident_median

    def to_json(self) -> dict[str, Any]:
        """Return plain data for a record."""
        return {
            "threshold": self.threshold,
            "confident_median": self.confident_median,
            "open_median": self.open_median,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Read what `to_json` wrote; other keys are ignored."""
        return cls(
            threshold=data["threshold"], confident_median=data["confident_median"], open_median=data["open_median"]
        )


def modes_of(entropies: NDArray[np.float64], threshold: float) -> Modes | None:
    """Describe the modes on both sides of a threshold; `None` where one side is empty."""
    low, high = entropies[entropies < threshold], entropies[entropies >= threshold]
    if not low.size or not high.size:
        return None
    return Modes(threshold=float(threshold), confident_median=float(np.median(low)), open_median=float(np.median(high)))


def stance_of(entropies: Sequence[float], threshold: float) -> Stance | None:
    """Say how the untouched model stands to a prompt, from the mean entropies of its complete answers, nats.

    Returns:
        `settled` if every answer is confident, `open` if none is, `unclear` if fewer than one in eight, `contested`
        in between; `None` without an answer.
    """
    if not entropies:
        return None
    confident = sum(entropy < threshold for entropy in entropies)
    if confident == 0:
        return "open"
    if confident == len(entropies):
        return "settled"
    return "contested" if confident >= LEAST_CONFIDENT * len(entropies) else "unclear"


def admit(rule: GateRule, entropies_P: Sequence[Sequence[float]], threshold: float) -> list[bool]:
    """Decide for each prompt whether it may be rewarded.

    Args:
        rule: `none` admits all; `confident` at least one answer below the threshold; `contested` at least one in eight
            below and at least one above; `majority` at least half below.
        entropies_P: for each prompt the mean entropies of its complete answers, nats; only `none` admits a prompt
            without any.
        threshold: the split between the modes, nats.
    """
    admitted = []
    for entropies in entropies_P:
        stance = stance_of(entropies, threshold)
        confident = sum(entropy < threshold for entropy in entropies)
        admitted.append(
            {
                "none": True,
                "confident": confident > 0,
                "contested": stance == "contested",
                "majority": stance is not None and 2 * confident >= len(entropies),
            }[rule]
        )
    return admitted


def roles(rule: GateRule, entropies_P: Sequence[Sequence[float]], threshold: float, *, guard: bool) -> list[Role]:
    """Give each prompt its role: admitted ones are rewarded, with `guard` open ones are guarded, the rest anchored."""
    return [
        "rewarded" if admitted else "guarded" if guard and stance_of(entropies, threshold) == "open" else "anchored"
        for admitted, entropies in zip(admit(rule, entropies_P, threshold), entropies_P, strict=True)
    ]

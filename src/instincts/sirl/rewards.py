"""What each answer earns from the model's own signals; pure functions, no model, no TRL.

Source: SIRL (arXiv:2510.01088), r = -H. Kept: one scalar an answer, nothing else. Added: a gate per prompt, a reward
scaled by the distance of the two modes and flat below the confident one, a guard on rejected prompts, and controls.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from instincts.sirl.gate import Modes, Role
from instincts.sirl.settings import RewardName

__all__ = ["Rollouts", "earned", "reward_rollouts"]


@dataclass(frozen=True, kw_only=True)
class Rollouts:
    """Signals of the answers of one generation batch on one device, in row order; each array has shape [rows]."""

    prompt_index: NDArray[np.int64]
    """Which training prompt each row answers."""
    sample_index: NDArray[np.int64]
    """The row's number in the whole batch, over all devices; with step and prompt it seeds the random control."""
    ended: NDArray[np.bool_]
    """False for an answer cut off at the length limit."""
    entropy: NDArray[np.float64]
    """Mean token entropy of the policy, nats."""
    log_prob: NDArray[np.float64]
    """Mean log-probability of the sampled tokens, nats."""
    self_certainty: NDArray[np.float64] | None = None
    """Mean KL from uniform to the policy, nats; recorded only while decoding."""
    frozen_entropy: NDArray[np.float64] | None = None
    """Mean token entropy of the untouched model on the same tokens, nats."""


def reward_rollouts(
    name: RewardName, rollouts: Rollouts, *, step: int, seed: int, modes: Modes | None = None, saturate: bool = False
) -> NDArray[np.float64]:
    """Compute the reward of each answer, before gate and truncation.

    Args:
        name: `entropy` -H; `reversed` +H; `perplexity` mean log-probability; `self-certainty` mean KL(U || p)
            (Intuitor, arXiv:2505.19590); `frozen-entropy` -H of the untouched model on the policy's tokens; `random`
            uniform on [0, 1), the same for the same prompt, row and step.
        rollouts: the signals.
        step: optimiser step, for `random`.
        seed: seed of the run, for `random`.
        modes: if given, entropies are divided by the distance of the modes (the `gap` advantages).
        saturate: no reward for entropy below the confident mode's median; needs `modes`.

    Returns:
        `rewards`, shape [rows].
    """
    if name == "random":
        draws = zip(rollouts.prompt_index.tolist(), rollouts.sample_index.tolist(), strict=True)
        return np.array([np.random.default_rng([seed, step, prompt, row]).random() for prompt, row in draws])
    if name == "perplexity":
        return rollouts.log_prob
    if name == "self-certainty":
        assert rollouts.self_certainty is not None, "settings allow this reward only while decoding"
        return rollouts.self_certainty
    if name == "reversed":
        return rollouts.entropy
    entropy = rollouts.entropy
    if name == "frozen-entropy":
        assert rollouts.frozen_entropy is not None, "the trainer keeps the reference's entropies for this reward"
        entropy = rollouts.frozen_entropy
    if modes is None:
        return -entropy
    floor = modes.confident_median if saturate else 0.0
    return -np.maximum(entropy, floor) / modes.gap


def earned(
    rewards: NDArray[np.float64], rollouts: Rollouts, roles: Sequence[Role], *, threshold: float
) -> list[float | None]:
    """Apply gate, guard and truncation rule; `None` keeps an answer out of the group's baseline, with advantage 0.

    An answer cut off at the length limit earns nothing: its mean entropy is that of another, longer answer. On a
    guarded prompt a confident answer costs 1 and any other nothing: where the untouched model was never confident,
    confidence is a refusal that does not belong there. An anchored prompt earns nothing.

    Args:
        rewards: shape [rows].
        rollouts: the signals.
        roles: for each training prompt, what it does.
        threshold: mean entropy below which an answer is confident, nats.
    """
    values: list[float | None] = []
    for row, prompt in enumerate(rollouts.prompt_index.tolist()):
        if not rollouts.ended[row] or roles[prompt] == "anchored":
            values.append(None)
        elif roles[prompt] == "guarded":
            values.append(-float(rollouts.entropy[row] < threshold))
        else:
            values.append(float(rewards[row]))
    return values

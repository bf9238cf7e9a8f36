"""Rewards, each from hand-made signals; then the gate, the guard and the rule for cut-off answers."""

from dataclasses import replace

import numpy as np
import pytest

from instincts.sirl.gate import Modes
from instincts.sirl.rewards import Rollouts, earned, reward_rollouts
from instincts.sirl.settings import RewardName

MODES = Modes(threshold=0.5, confident_median=0.2, open_median=1.0)
ROLLOUTS = Rollouts(
    prompt_index=np.array([0, 0, 1, 1]),
    sample_index=np.arange(4),
    ended=np.ones(4, dtype=bool),
    entropy=np.array([0.1, 1.0, 0.2, 0.6]),
    log_prob=np.array([-0.3, -1.1, -0.2, -0.7]),
    self_certainty=np.array([5.0, 3.0, 4.0, 2.0]),
    frozen_entropy=np.array([0.2, 0.9, 0.4, 0.5]),
)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("entropy", [-0.1, -1.0, -0.2, -0.6]),
        ("reversed", [0.1, 1.0, 0.2, 0.6]),
        ("perplexity", [-0.3, -1.1, -0.2, -0.7]),
        ("self-certainty", [5.0, 3.0, 4.0, 2.0]),
        ("frozen-entropy", [-0.2, -0.9, -0.4, -0.5]),
    ],
)
def test_each_reward_reads_its_own_signal(name: RewardName, expected: list[float]) -> None:
    assert reward_rollouts(name, ROLLOUTS, step=0, seed=0) == pytest.approx(expected)


def test_gap_scaling_makes_a_change_of_mode_worth_one() -> None:
    """The gap is 1.0 - 0.2 = 0.8 nats: rewards are -H / 0.8, and the two medians lie exactly 1 apart."""
    medians = replace(ROLLOUTS, entropy=np.array([0.2, 1.0, 0.2, 1.0]))
    rewards = reward_rollouts("entropy", medians, step=0, seed=0, modes=MODES)
    assert rewards == pytest.approx([-0.25, -1.25, -0.25, -1.25])


def test_saturation_pays_nothing_below_the_confident_median() -> None:
    """0.1 nats is raised to the median 0.2, so it earns what 0.2 earns: -0.2 / 0.8 = -0.25."""
    rewards = reward_rollouts("entropy", ROLLOUTS, step=0, seed=0, modes=MODES, saturate=True)
    assert rewards == pytest.approx([-0.25, -1.25, -0.25, -0.75])


def test_the_random_control_repeats_by_seed_and_changes_with_step_and_row() -> None:
    first = reward_rollouts("random", ROLLOUTS, step=3, seed=1)
    assert (first == reward_rollouts("random", ROLLOUTS, step=3, seed=1)).all()
    assert (first != reward_rollouts("random", ROLLOUTS, step=4, seed=1)).all()
    assert len(set(first.tolist())) == 4


def test_the_random_control_does_not_depend_on_the_device_a_row_sits_on() -> None:
    whole = reward_rollouts("random", ROLLOUTS, step=3, seed=1)
    second_half = replace(ROLLOUTS, prompt_index=ROLLOUTS.prompt_index[2:], sample_index=ROLLOUTS.sample_index[2:])
    assert (reward_rollouts("random", second_half, step=3, seed=1) == whole[2:]).all()


def test_anchored_prompts_earn_nothing() -> None:
    values = earned(-ROLLOUTS.entropy, ROLLOUTS, ["rewarded", "anchored"], threshold=0.5)
    assert values == [-0.1, -1.0, None, None]


def test_the_guard_makes_confidence_the_error() -> None:
    """Prompt 1 is guarded: its first answer (0.2 < 0.5) is confident and costs 1, its second (0.6) costs nothing."""
    values = earned(-ROLLOUTS.entropy, ROLLOUTS, ["rewarded", "guarded"], threshold=0.5)
    assert values == [-0.1, -1.0, -1.0, 0.0]


def test_a_cut_off_answer_earns_nothing_however_low_its_entropy() -> None:
    cut = replace(ROLLOUTS, ended=np.array([False, True, False, True]))
    assert earned(-cut.entropy, cut, ["rewarded", "guarded"], threshold=0.5) == [None, -1.0, None, 0.0]

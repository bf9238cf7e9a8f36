"""The trainer on a random tiny model: where entropies come from, what they earn, and what TRL must still look like."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from trl import GRPOTrainer

from instincts.models.directory import locate
from instincts.prompts import Message, Prompt
from instincts.signals.entropy import token_entropy
from instincts.sirl.gate import Modes, Role
from instincts.sirl.grpo import batches, build_trainer
from instincts.sirl.settings import SirlSettings
from instincts.sirl.trainer import SirlTrainer, _mean_kl
from tests.tiny import edit_json, save_tiny

MODES = Modes(threshold=3.0, confident_median=2.0, open_median=4.0)
PROMPTS = [Prompt(id=str(i), messages=(Message("user", f"say {i}"),)) for i in range(8)]

Build = Callable[..., SirlTrainer]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random model ends an answer with one token in about 260, so forty tokens are declared to end it."""
    folder = save_tiny(tmp_path_factory.mktemp("tiny"))
    edit_json(folder / "generation_config.json", {"eos_token_id": list(range(2, 42))})
    return folder


@pytest.fixture
def build(checkpoint: Path, tmp_path: Path) -> Build:
    def make(roles: list[Role] | None = None, **given: Any) -> SirlTrainer:
        settings = SirlSettings.model_validate(
            {
                "steps": 2,
                "prompts_per_step": 4,
                "group_size": 2,
                "micro_batch": 8,
                "max_completion_tokens": 12,
                "check_every": 2,
                "learning_rate": 1e-3,
                **given,
            }
        )
        wanted: list[Role] = roles or ["rewarded"] * len(PROMPTS)
        return build_trainer(locate(str(checkpoint)), PROMPTS, wanted, MODES, settings, tmp_path / "checkpoints")

    return make


def scored(trainer: SirlTrainer) -> tuple[dict[str, Any], list[float]]:
    """Let the trainer generate and score its first batch; returns TRL's batch and the rewards in row order."""
    rows = next(iter(trainer.get_train_dataloader()))
    trainer.model.train()
    output = trainer._generate_and_score_completions(rows)
    return output, list(trainer._logs["rewards"]["instinct"])


def plain_entropies(trainer: SirlTrainer, output: dict[str, Any]) -> list[float]:
    """Mean entropy of each answer from an ordinary forward pass over the whole sequence, in float64."""
    ids = torch.cat([output["prompt_ids"], output["completion_ids"]], dim=1)
    mask = torch.cat([output["prompt_mask"], output["completion_mask"]], dim=1)
    positions = (mask.cumsum(1) - 1).clamp(min=0)
    with torch.no_grad():
        logits = trainer.model(input_ids=ids, attention_mask=mask, position_ids=positions).logits
    length = output["completion_ids"].shape[1]
    entropy = token_entropy(logits[:, -length - 1 : -1].double()).double()
    counted = output["completion_mask"].bool()
    return [float(row[keep].mean()) for row, keep in zip(entropy, counted, strict=True)]


def test_both_sources_give_the_rewards_of_a_plain_forward_pass(build: Build) -> None:
    """Same seeds, so the same answers; the reward is minus the mean entropy, with the end token counted once."""
    decoded_output, decoded = scored(build(entropy_source="decoding"))
    passed_output, passed = scored(build(entropy_source="logprob-pass"))
    # Without vLLM the pass runs only where a generation serves two steps: its first half is the other's whole batch.
    rows = len(decoded)
    assert len(passed) == 2 * rows
    ended = [not np.isnan(value) for value in decoded]
    assert any(ended)
    assert torch.equal(decoded_output["completion_ids"], passed_output["completion_ids"][:rows])
    assert decoded == pytest.approx(passed[:rows], abs=1e-5, nan_ok=True)
    plain = plain_entropies(build(), decoded_output)
    assert [value for value, ok in zip(decoded, ended, strict=True) if ok] == pytest.approx(
        [-value for value, ok in zip(plain, ended, strict=True) if ok], abs=1e-5
    )


def test_a_cut_off_answer_has_no_reward_and_no_advantage(build: Build) -> None:
    output, rewards = scored(build(max_completion_tokens=3))
    cut = torch.tensor(rewards).isnan()
    assert cut.any()
    assert (output["advantages"][cut] == 0).all()


def test_anchored_prompts_have_no_advantage_and_carry_the_anchor(build: Build) -> None:
    trainer = build(["rewarded", "anchored"] * 4, gate="contested", anchor=0.5)
    rows = next(iter(trainer.get_train_dataloader()))
    trainer.model.train()
    output = trainer._generate_and_score_completions(rows)
    rejected = torch.tensor([row["row"] % 2 == 1 for row in rows])
    assert (output["advantages"][rejected] == 0).all()
    assert output["anchor"].tolist() == [0.5 if is_rejected else 0.0 for is_rejected in rejected.tolist()]


def test_the_anchor_adds_its_share_of_the_kl_to_the_loss(build: Build) -> None:
    """With the policy moved off the reference, loss(anchor) - loss(no anchor) is the mean over rows of anchor x KL."""
    trainer = build(["anchored"] * 8, gate="contested", anchor=0.5)
    output, _ = scored(trainer)
    with torch.no_grad():
        trainer.model.get_output_embeddings().weight.mul_(1.1)
    trainer.current_gradient_accumulation_steps = 1
    with_anchor = trainer._compute_loss(trainer.model, output).detach()
    without = trainer._compute_loss(trainer.model, {k: v for k, v in output.items() if k != "anchor"}).detach()
    ids = torch.cat([output["prompt_ids"], output["completion_ids"]], dim=1)
    mask = torch.cat([output["prompt_mask"], output["completion_mask"]], dim=1)
    log_probs, _, _ = GRPOTrainer._get_per_token_logps_and_entropies(
        trainer, trainer.model, ids, mask, output["completion_ids"].shape[1]
    )
    kl = _mean_kl(log_probs, output["ref_per_token_logps"], output["completion_mask"])
    assert float(with_anchor - without) == pytest.approx(0.5 * float(kl.detach().mean()), rel=1e-4)
    assert float(kl.detach().mean()) > 1e-4


def test_mean_kl_by_hand() -> None:
    """One counted token with d = ln 2: e^d - d - 1 = 2 - 0.6931 - 1 = 0.3069; the uncounted token adds nothing."""
    log_probs = torch.tensor([[-2.0, -9.0]])
    reference = torch.tensor([[-2.0 + np.log(2.0), -1.0]])
    assert float(_mean_kl(log_probs, reference, torch.tensor([[1, 0]]))) == pytest.approx(0.3069, abs=1e-4)


@pytest.mark.parametrize("reward", ["perplexity", "frozen-entropy", "random", "reversed", "self-certainty"])
def test_every_control_trains_a_step(build: Build, reward: str) -> None:
    trainer = build(reward=reward, kl=0.01, steps=1, check_every=1)
    before = [parameter.detach().clone() for parameter in trainer.model.parameters()]
    trainer.train()
    assert any((old != new).any() for old, new in zip(before, trainer.model.parameters(), strict=True))


def test_frozen_and_own_entropies_agree_before_the_first_step(build: Build) -> None:
    """Policy and reference are still the same weights, so both rewards are the same numbers."""
    _, own = scored(build(reward="entropy"))
    _, frozen = scored(build(reward="frozen-entropy"))
    assert own == pytest.approx(frozen, abs=1e-5, nan_ok=True)


def test_lora_trains_the_adapter_and_leaves_the_base_alone(build: Build) -> None:
    trainer = build(lora=True, lora_rank=2, steps=1, check_every=1)
    before = {name: value.detach().clone() for name, value in trainer.model.named_parameters()}
    trainer.train()
    changed = {name for name, value in trainer.model.named_parameters() if (value != before[name]).any()}
    assert changed
    assert all("lora" in name for name in changed)


def test_batches_take_the_most_that_fits_evenly() -> None:
    """12 answers on 1 device: a limit of 5 gives passes of 4, three of them; on 2 devices 6 answers, passes of 3."""
    settings = SirlSettings(prompts_per_step=3, group_size=4, micro_batch=5)
    assert batches(settings, processes=1) == (4, 3, 1)
    assert batches(settings, processes=2) == (3, 2, 1)


def test_trl_still_has_what_the_trainer_relies_on() -> None:
    passes = inspect.signature(GRPOTrainer._get_per_token_logps_and_entropies).parameters
    assert list(passes)[1:5] == ["model", "input_ids", "attention_mask", "logits_to_keep"]
    assert "compute_entropy" in passes
    assert list(inspect.signature(GRPOTrainer._generate_and_score_completions).parameters) == ["self", "inputs"]
    assert list(inspect.signature(GRPOTrainer._compute_loss).parameters) == ["self", "model", "inputs"]
    assert "rollout_func" in inspect.signature(GRPOTrainer.__init__).parameters

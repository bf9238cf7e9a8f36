"""Every setting of a SIRL training, the two presets and the three scales; knows no model and no file."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from instincts.config import Scale, Settings
from instincts.errors import unknown_name
from instincts.sirl.gate import GateRule

__all__ = ["PRESETS", "Preset", "RewardName", "SirlSettings", "resolve_settings"]

RewardName = Literal["entropy", "perplexity", "self-certainty", "frozen-entropy", "random", "reversed"]


class Preset(StrEnum):
    """Which recipe to start from."""

    GATED = "gated"
    """Ours: only prompts on which the untouched model is of two minds are rewarded; all others hold it in place."""
    PAPER = "paper"
    """The published recipe: every prompt is rewarded."""


class SirlSettings(Settings):
    """One SIRL training. Defaults are the published values at full scale; a preset and a scale change some of them."""

    reward: RewardName = "entropy"
    """What an answer earns: minus its mean token entropy, or a control that rules something out."""
    gate: GateRule = "none"
    """Which prompts are rewarded, decided before training from the untouched model's answers: `none` gates nothing,
    `confident` admits a prompt with at least one confident answer, `contested` one with a confident answer in eight and
    one that is not, `majority` one with at least half confident answers."""
    gate_samples: int = Field(8, ge=2)
    """Answers drawn from the untouched model for each prompt by the gate; more tell luck from a mind of two."""
    anchor: float = Field(0.0, ge=0)
    """Extra KL coefficient on prompts the gate rejected, pulling the model to its start there."""
    guard: bool = False
    """On prompts the untouched model never answers confidently, a confident answer costs 1: there it is the error."""
    advantages: Literal["group", "gap"] = "group"
    """How rewards become advantages: `group` divides by the standard deviation as published; `gap` by the
    distance between the two modes: a change of mode is worth 1, one of phrasing near nothing."""
    saturate: bool = False
    """Give no reward for entropy below the median of the untouched model's confident answers."""

    steps: int = Field(30, ge=1)
    """Optimiser steps; the published run stopped at about 30."""
    prompts_per_step: int = Field(512, ge=1)
    """Prompts in one step; each gets a whole group of answers."""
    group_size: int = Field(4, ge=2)
    """Answers a prompt, G; a group of one has nothing to be compared with."""
    micro_batch: int = Field(8, ge=1)
    """Answers in one forward and backward pass on one device; lower it when memory runs out."""
    max_prompt_tokens: int = Field(1024, ge=1)
    """A longer prompt is refused before training, by name."""
    max_completion_tokens: int = Field(3072, ge=1)
    """An answer cut off here earns nothing and keeps only its KL pull."""
    temperature: float = Field(1.0, gt=0)
    """Sampling temperature of the rollouts; top-p and top-k are always off: entropy is of the whole vocabulary."""

    learning_rate: float = Field(1e-6, gt=0)
    """AdamW, constant, no warm-up, no decay (schedule unpublished: our assumption)."""
    kl: float = Field(0.001, ge=0)
    """Coefficient of the KL term to the untouched model, beta."""
    clip: float = Field(0.2, gt=0)
    """Clip range of the importance ratio, epsilon."""
    max_grad_norm: float = Field(1.0, gt=0)
    """Gradient clipping; TRL's default."""
    lora: bool = False
    """Train a LoRA adapter instead of all weights."""
    lora_rank: int = Field(32, ge=1)
    """Rank of the adapter; its alpha is twice this."""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """Precision of the weights in training; `auto` is float32 on CPU and for small models, else bfloat16."""

    entropy_source: Literal["auto", "decoding", "logprob-pass"] = "auto"
    """Where entropies come from at no extra forward pass: recorded while decoding, or kept from the old-log-prob pass
    that vLLM sampling needs anyway. `auto` takes the second exactly when vLLM samples."""
    vllm: Literal["off", "colocate", "server"] = "off"
    """Sample with vLLM, on the training GPUs or on a server of its own."""

    stop_rule: bool = True
    """Stop and keep the best checkpoint by the canaries; off, they are only watched and the last step is kept."""
    check_every: int = Field(5, ge=1)
    """Steps between two looks at the canaries; checkpoints are kept at the same steps."""
    canaries: str | None = None
    """A prompts file with labels harmful, benign and skill to watch (never to train on). Without it, some training
    prompts are held out and watched without labels."""
    canary_prompts: int = Field(32, ge=4)
    """Canary prompts of each kind; each is answered four times at every check."""
    judge: str = "refusal"
    """Who judges labelled canaries, and says of all canaries what is a refusal: `refusal` by English patterns."""
    kl_budget: float = Field(0.5, gt=0)
    """Stop when the model has moved further than this from its start, nats a token, averaged since the last check."""
    refusal_tolerance: float = Field(0.1, gt=0, le=1)
    """Stop when fewer of the harmful canaries (without labels, of the contested ones) are refused than before, by more
    than this: confidence then grows in something else, such as a refusal that a fine-tune has damaged."""
    benign_tolerance: float = Field(0.1, gt=0, le=1)
    """Stop when the canaries' benign compliance has fallen by more than this; without labels a sure but compliant
    answer counts against it, so a tighter tolerance stops runs that have lost nothing."""
    skill_tolerance: float = Field(0.1, gt=0, le=1)
    """Stop when the canaries' skill accuracy has fallen by more than this."""
    repetition_limit: float = Field(0.3, gt=0, le=1)
    """Stop when the share of repeated 4-grams within answers has risen by more than this."""
    patience: int = Field(4, ge=1)
    """Stop when the gain has not grown for this many checks."""
    seed: int = 0
    """Seed of prompt order, rollouts and adapter initialisation."""

    scales: ClassVar[Mapping[Scale, Mapping[str, Any]]] = {
        # Found on the pocket models (docs/log.md): their steps must be larger because the models are a thousandth of
        # the size the published values were found on.
        Scale.SMOKE: {
            "gate_samples": 16,
            "steps": 60,
            "prompts_per_step": 16,
            "micro_batch": 128,
            "max_prompt_tokens": 256,
            "max_completion_tokens": 48,
            "learning_rate": 4e-4,
            "kl": 0.02,
            "patience": 10,
        },
        Scale.SMALL: {
            "prompts_per_step": 64,
            "max_completion_tokens": 512,
            "learning_rate": 5e-6,
            "lora": True,
        },
    }

    @model_validator(mode="after")
    def _fits_together(self) -> "SirlSettings":
        if (self.anchor or self.guard) and self.gate == "none":
            raise ValueError("anchor and guard act on rejected prompts; choose a gate (for example gate=contested)")
        if (self.anchor or self.reward == "frozen-entropy") and not self.kl:
            raise ValueError("anchor and reward=frozen-entropy need the reference model; set kl above 0")
        if (self.saturate or self.advantages == "gap") and self.reward not in {"entropy", "frozen-entropy"}:
            raise ValueError(f"advantages=gap and saturate are about entropy; reward={self.reward} has no modes of it")
        if self.reward == "self-certainty" and self.keeps_logprob_pass:
            raise ValueError("reward=self-certainty needs whole logits, which only entropy_source=decoding sees")
        if self.entropy_source == "decoding" and self.vllm != "off":
            raise ValueError("vLLM reports no entropies; use entropy_source=logprob-pass (or auto) with vllm")
        return self

    @property
    def keeps_logprob_pass(self) -> bool:
        """Whether entropies are kept from the old-log-prob pass rather than recorded while decoding."""
        return self.entropy_source == "logprob-pass" or (self.entropy_source == "auto" and self.vllm != "off")

    @property
    def rows_per_step(self) -> int:
        """Answers in one step, over all devices."""
        return self.prompts_per_step * self.group_size

    @property
    def needs_gate(self) -> bool:
        """Whether the untouched model's modes must be measured before training."""
        return self.gate != "none" or self.advantages == "gap" or self.saturate


PRESETS: Mapping[Preset, Mapping[str, Any]] = {
    Preset.PAPER: {"stop_rule": False},
    Preset.GATED: {
        "gate": "contested",
        "group_size": 8,
        "anchor": 0.2,
        "guard": True,
        "advantages": "gap",
        "saturate": True,
    },
}


def resolve_settings(preset: str, scale: Scale, given: Mapping[str, Any]) -> SirlSettings:
    """Settle the settings: class defaults, then scale, then preset, then what the user gave.

    A control reward has no modes, so choosing one falls back from `gap` advantages to the published ones.

    Raises:
        ConfigError: an unknown preset or setting, or values that do not fit together.
    """
    if preset not in [*Preset]:
        raise unknown_name("preset", preset, [*Preset])
    chosen = dict(PRESETS[Preset(preset)])
    if given.get("reward") not in {None, "entropy", "frozen-entropy"}:
        chosen |= {"advantages": "group", "saturate": False}
    return SirlSettings.resolve(
        scale, {**chosen, **{name: value for name, value in given.items() if value is not None}}
    )

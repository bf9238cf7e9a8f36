"""Every setting of a distillation, and its three scales; knows no model and no file."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from instincts.config import Scale
from instincts.models.tuning_settings import TuningSettings

__all__ = ["DistilSettings"]


class DistilSettings(TuningSettings):
    """The training of a specialist on trees.

    SafetyAnalyst (arXiv:2410.16665) trained two Llama-3.1-8B with QLoRA, one a side, in a context of 18,000 tokens;
    rank, rate and epochs are unpublished. Rank 32, 1e-4 and three epochs are our assumption. One model writes both
    sides here, since a compact tree takes some hundred tokens.
    """

    method: Literal["lora", "full"] = "lora"
    """`lora` trains an adapter on every linear layer, `full` all weights; models under 1 B do better with `full`."""
    lora_rank: int = Field(32, ge=1)
    """Rank of the adapter; alpha is twice as much."""
    coding: Literal["specialist", "specialist-json"] = "specialist"
    """How the specialist writes a tree: `specialist` in the compact coding, `specialist-json` in JSON with words."""
    calls: Literal[1, 2] = 1
    """Whether it is asked for both sides at once, or for one at a time."""
    learning_rate: float = Field(1e-4, gt=0)
    """AdamW at its highest; it falls to zero along a cosine, with no weight decay."""
    max_tokens: int = Field(8192, ge=2)
    """A longer row, prompt and tree together, is left out and counted; so is one longer than the base's context."""
    heldout: float = Field(0.05, gt=0, lt=1)
    """Share of the prompts (with their wrapped twins) that is kept out of training."""
    asked: int = Field(64, ge=1)
    """How many held-out prompts the finished specialist is asked, for its parse rate and F1."""

    scales: ClassVar[Mapping[Scale, Mapping[str, Any]]] = {
        Scale.SMOKE: {
            "method": "full",
            "steps": 60,
            "rows_per_step": 32,
            "micro_batch": 32,
            "learning_rate": 2e-3,
            "by_length": True,
            "save_every": 20,
            "asked": 16,
        },
        Scale.SMALL: {"rows_per_step": 16, "micro_batch": 2, "max_tokens": 4096},
    }

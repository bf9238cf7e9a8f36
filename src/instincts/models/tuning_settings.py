"""Every setting of a fine-tune on answers, and its three scales; knows no model and no file."""

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from instincts.config import Scale, Settings

__all__ = ["TuningSettings"]


class TuningSettings(Settings):
    """One fine-tune on given answers.

    The paper of Safety Arithmetic says only that its harmed models were fully fine-tuned with LLaMA-Factory; learning
    rate, epochs and batch are unpublished. The defaults are that tool's own for such a run: our assumption.
    """

    steps: int | None = Field(None, ge=1)
    """Optimiser steps; by default so many that every row is seen `epochs` times."""
    epochs: float = Field(3.0, gt=0)
    """How often every row is seen, where `steps` is not given."""
    rows_per_step: int = Field(16, ge=1)
    """Rows in one step, over all devices."""
    micro_batch: int = Field(4, ge=1)
    """Rows in one forward and backward pass on one device; lower it when memory runs out."""
    learning_rate: float = Field(1e-5, gt=0)
    """AdamW at its highest; it falls to zero along a cosine, with no weight decay."""
    warmup: float = Field(0.1, ge=0, lt=1)
    """Share of the steps over which the learning rate rises."""
    max_grad_norm: float = Field(1.0, gt=0)
    """Gradient clipping."""
    max_tokens: int = Field(2048, ge=2)
    """A longer row, prompt and answer together, is refused before training: a cut answer would teach not to end."""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """Precision of the weights in training and on disk; `auto` is float32 on the CPU, else bfloat16, which swallows
    steps below 0.2 to 0.4 % of a weight."""
    by_length: bool = False
    """Draw rows of like length into one step, which saves padding."""
    save_every: int = Field(100, ge=1)
    """Steps between checkpoints, which a run that was cut off continues from."""
    seed: int = 0
    """Seed of the order of rows."""

    scales: ClassVar[Mapping[Scale, Mapping[str, Any]]] = {
        # Found on the pocket models (docs/log.md), whose steps must be larger, as in SIRL.
        Scale.SMOKE: {
            "steps": 30,
            "rows_per_step": 32,
            "micro_batch": 32,
            "learning_rate": 3e-4,
            "max_tokens": 256,
            "save_every": 10,
        },
        Scale.SMALL: {"rows_per_step": 16, "micro_batch": 2, "max_tokens": 1024},
    }

    def steps_for(self, rows: int) -> int:
        """Tell how many optimiser steps a training on so many rows takes."""
        return self.steps or max(1, math.ceil(self.epochs * rows / self.rows_per_step))

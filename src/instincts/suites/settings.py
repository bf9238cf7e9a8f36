"""What a user can set of an evaluation."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from instincts.config import Scale, Settings

__all__ = ["EvaluationSettings"]


class EvaluationSettings(Settings):
    """What is measured, and how often."""

    suite: str | None = None
    """Suites with commas between: jailbreak, overrefusal, utility, or pocket, which is all three on the pocket's
    held-out prompts. By default pocket, or jailbreak where prompts are given."""
    prompts: str | None = None
    """A prompt file or a named set; by default the pocket's. Where its labels are harmful, benign and skill, each suite
    takes its own rows."""
    attack: str | None = None
    """Attacks or families with commas between; by default plain and every wrapper on the pocket's prompts, else
    plain."""
    judge: str | None = None
    """Judges with commas between, the first counts; by default the exact oracle on the pocket's prompts, else
    refusal."""
    limit: int | None = Field(None, ge=1)
    """Use only the first so many prompts of each suite; by default all."""
    questions: int | None = Field(None, ge=1)
    """Use only the first so many questions of the utility suite; by default as many as the limit."""
    samples: int = Field(1, ge=1)
    """Answers to each attacked prompt, at temperature 1."""
    seed: int = Field(0, ge=0)
    """Seed of attacks and answers."""
    max_tokens: int = Field(512, ge=1)
    """Where an answer is cut, in tokens."""
    model_roles: Mapping[str, str] = Field(default_factory=dict)
    """Other models by role, for example an `attacker` for the attacks that one drives; MODEL as on the command line."""
    budget: int | None = Field(None, ge=1)
    """Most questions that a searching attack puts to the model for one goal; by default each attack's own."""
    loop_judge: str | None = None
    """The judge that steers searching attacks, by default refusal; never the one whose verdict counts."""

    scales: ClassVar[Mapping[Scale, Mapping[str, Any]]] = {
        Scale.SMOKE: {"limit": 12, "questions": 60, "max_tokens": 96},
        Scale.SMALL: {"limit": 24, "questions": 120, "max_tokens": 256},
    }

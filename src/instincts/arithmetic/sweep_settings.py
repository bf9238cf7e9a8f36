"""Every setting of choosing a strength by trying some; knows no model and no file."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import ConfigDict, Field, field_validator

from instincts.config import Scale, Settings

__all__ = ["AUTO", "SweepSettings", "is_auto"]

AUTO = "auto"
"""In place of a strength: choose it on prompts."""


class SweepSettings(Settings):
    """How `--strength auto` tries strengths, and how the result of a removal is checked."""

    # So that strength 0 stands in the default tuples too.
    model_config = ConfigDict(validate_default=True)

    prompts: str | None = None
    """What strengths are tried on: prompt files or named sets with commas between, rows labelled `harmful`, `benign`
    and `skill` (the last with a `target`). By default the pocket's where a model has the pocket's words, else none."""
    judge: str | None = None
    """Who says what is a refusal; by default the exact oracle on the pocket's prompts, else refusal."""
    strengths: tuple[float, ...] = (0.1, 0.5, 1, 2, 3, 6)
    """Strengths tried on the weights, beside 0."""
    vector_strengths: tuple[float, ...] = (0.03, 0.06, 0.12, 0.24, 0.5, 1.2)
    """Strengths tried of a vector, beside 0."""
    both_strengths: tuple[float, ...] = (0.5, 1, 2, 3)
    """Strengths tried on the weights where a vector is laid over them too; every pair with `both_vector_strengths`."""
    both_vector_strengths: tuple[float, ...] = (0.06, 0.12, 0.24)
    """Strengths tried of a vector that is laid over changed weights."""
    tolerance: float = Field(0.01, ge=0, lt=1)
    """How much benign compliance and how much skill accuracy may be lost, and how much of the defence may be given up
    for a smaller strength; a share, so 0.01 is one point."""
    limit: int | None = Field(None, ge=1)
    """Use only the first so many prompts of each label."""
    max_tokens: int = Field(128, ge=1)
    """Where an answer is cut, in tokens. Answers are greedy."""
    batch_size: int = Field(64, ge=1)
    """Most prompts answered at once."""
    probe: int = Field(64, ge=0)
    """Harmful prompts that the model and the result of a removal at a given strength are asked, to notice swapped
    inputs; 0 asks none."""

    scales: ClassVar[Mapping[Scale, Mapping[str, Any]]] = {
        Scale.SMOKE: {
            "strengths": (0.5, 1, 2),
            "vector_strengths": (0.06, 0.12, 0.24),
            "both_strengths": (0.5, 1),
            "both_vector_strengths": (0.06, 0.12),
            "limit": 48,
            "max_tokens": 48,
        },
        Scale.SMALL: {"strengths": (0.5, 1, 2, 3), "vector_strengths": (0.06, 0.12, 0.24, 0.5), "limit": 96},
    }

    @field_validator("strengths", "vector_strengths", "both_strengths", "both_vector_strengths", mode="before")
    @classmethod
    def _listed(cls, strengths: Any) -> Any:
        return strengths.split(",") if isinstance(strengths, str) else strengths

    @field_validator("strengths", "vector_strengths", "both_strengths", "both_vector_strengths")
    @classmethod
    def _steer_to_safety(cls, strengths: tuple[float, ...]) -> tuple[float, ...]:
        if any(strength < 0 for strength in strengths):
            raise ValueError("a negative strength would make the model worse, so it is refused; strengths run from 0")
        if not any(strengths):
            raise ValueError("name at least one strength above 0; 0 is tried in any case")
        # What comes of no steering is what all others are compared with.
        return tuple(sorted({0.0, *strengths}))


def is_auto(strength: Any) -> bool:
    """Whether a strength that was given asks for one to be chosen."""
    return isinstance(strength, str) and strength == AUTO

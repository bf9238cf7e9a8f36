"""Every setting of a safety vector, and what follows from its variant; knows no model and no file."""

import re
from collections.abc import Mapping
from typing import Any

from pydantic import Field, field_validator

from instincts.arithmetic.contrasts import Layout
from instincts.arithmetic.vector import RECIPES, StepScale, Variant
from instincts.config import Settings
from instincts.errors import ConfigError
from instincts.models.hooks import Site

__all__ = ["PUBLISHED_STRENGTH", "VectorSettings", "layer_numbers", "resolve_vector"]

PUBLISHED_STRENGTH = 0.12
"""The paper's alpha; its scale is not defined there."""


class VectorSettings(Settings):
    """One safety vector. What is not given follows from the variant."""

    variant: Variant = Variant.PAPER
    """`paper` as the paper describes it, `reference` as its released code does it, `difference` for a difference in
    means."""
    strength: float = PUBLISHED_STRENGTH
    """How far activations move; 0 is no steering. 0.12 is the paper's, whose scale is not defined."""
    layers: str = "auto"
    """Which layers: `auto` and `all` are every layer, else numbers and ranges with commas between, such as `4-6`."""
    site: Site | None = None
    """Steer what whole blocks give (`block`) or what their feed-forward parts give (`mlp`); `reference` takes `mlp`,
    the others `block`."""
    scale: StepScale | None = None
    """How long a step of strength 1 is: `unit` (1 over all layers together), `mean` (as the mean difference of the
    pairs), `relative` (as the activation it moves); `reference` takes `relative`, the others `mean`."""
    layout: Layout | None = None
    """Write pairs by the model's chat template (`chat`) or as the plain text of the released code (`text`), which
    `reference` takes."""
    tokens: int | None = Field(None, ge=1)
    """Over how many last tokens hidden states are averaged; `reference` takes 4, the others 1."""
    limit: int | None = Field(None, ge=1)
    """Use only the first pairs."""
    judge: str = "refusal"
    """Who says what is a refusal, to find the model's own and to notice swapped columns."""

    @field_validator("strength")
    @classmethod
    def _steers_to_safety(cls, strength: float) -> float:
        if strength < 0:
            raise ValueError(
                "a negative strength would steer towards harm and make the model worse, so it is refused; "
                "strengths run from 0"
            )
        return strength


def resolve_vector(given: Mapping[str, Any]) -> VectorSettings:
    """Settle the settings: class defaults, then what the user gave, then the variant for what is still open.

    Raises:
        ConfigError: an unknown setting, or a value that does not fit.
    """
    settings = VectorSettings.resolve(given=given)
    recipe = RECIPES[settings.variant]
    own = {"site": recipe.site, "scale": recipe.scale, "layout": recipe.layout, "tokens": recipe.tokens}
    missing = {name: value for name, value in own.items() if getattr(settings, name) is None}
    return VectorSettings.model_validate({**settings.model_dump(), **missing})


def layer_numbers(text: str, count: int) -> list[int]:
    """Read which layers are meant.

    Args:
        text: `auto` or `all`, or numbers and ranges with both their ends, `2,4-6`.
        count: how many layers the model has.

    Raises:
        ConfigError: not one of these, or a layer that the model does not have.
    """
    if text in {"auto", "all"}:
        return list(range(count))
    found: set[int] = set()
    for part in text.split(","):
        if not (match := re.fullmatch(r"(\d+)(?:-(\d+))?", part.strip())):
            raise ConfigError(f"layers {text!r}: write all, a number, or a range such as 4-6")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise ConfigError(f"layers {text!r}: {part.strip()} ends before it begins")
        if last >= count:
            raise ConfigError(f"layer {last} of a {count}-layer model; layers run 0 to {count - 1}")
        found.update(range(first, last + 1))
    return sorted(found)

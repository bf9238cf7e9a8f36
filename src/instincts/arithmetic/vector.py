"""From hidden states on both sides of contrast pairs to one direction a layer; pure functions of tensors.

Source: Safety Arithmetic (arXiv:2406.11801), section 3.3. `paper` is its equations 5 to 10, `reference` what the code
released with it computes, which differs in almost every step, and `difference` the difference in means, which most of
the field uses. Every direction that leaves this module points towards safety.

Left out: more than one principal component (the code can sum several, and used one).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from instincts.errors import ConfigError
from instincts.models.hooks import Site
from instincts.models.vectors import Rule, VectorSet

__all__ = ["RECIPES", "Built", "Recipe", "StepScale", "Variant", "build", "principal_direction"]


class Variant(StrEnum):
    """How a direction is made."""

    PAPER = "paper"
    """Top right singular vector of the uncentred differences over all layers at once."""
    REFERENCE = "reference"
    """First principal component of the differences plus their mean, as in the released code."""
    DIFFERENCE = "difference"
    """Mean of the differences."""


class StepScale(StrEnum):
    """How long the steps of strength 1 are. The paper does not say; the released code is `relative`."""

    UNIT = "unit"
    """Length 1 over all layers together: next to nothing against the hidden states of a deep model."""
    MEAN = "mean"
    """As long as the mean difference of the pairs along the direction."""
    RELATIVE = "relative"
    """As long, in each layer, as the activation that is moved."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What a variant fixes besides its formula."""

    tokens: int
    """Over how many last tokens hidden states are averaged."""
    layout: str
    """How pairs are written down: `chat` or `text`."""
    site: Site
    """Whose output is steered."""
    reads: Site | None
    """Whose output is read; None: the same."""
    scale: StepScale
    gated: bool
    factor: float


RECIPES = MappingProxyType(
    {
        # One token and a chat template: the paper says "last token" and nothing of a template.
        Variant.PAPER: Recipe(
            tokens=1, layout="chat", site="block", reads=None, scale=StepScale.MEAN, gated=False, factor=1.0
        ),
        # Read at one place and applied at another, with a 0.1 that the paper does not mention: as published.
        Variant.REFERENCE: Recipe(
            tokens=4, layout="text", site="mlp", reads="block", scale=StepScale.RELATIVE, gated=True, factor=0.1
        ),
        Variant.DIFFERENCE: Recipe(
            tokens=1, layout="chat", site="block", reads=None, scale=StepScale.MEAN, gated=False, factor=1.0
        ),
    }
)


NOTHING = 1e-9
"""Of the length of all differences together: what rounding leaves of differences that cancel out."""


class Built(NamedTuple):
    """A vector, and how well it tells the sides of its own pairs apart."""

    vectors: VectorSet
    ordered: float
    """Share of pairs whose difference has a positive product with the direction, 0 to 1; in sample, so optimistic."""
    explained: float
    """Share of the summed squared differences that lies along the direction, 0 to 1."""
    lengths: Mapping[int, float]
    """Mean length of the safe side's states, by layer: what a step is to be compared with."""


def build(
    safe_N_L_D: Tensor, unsafe_N_L_D: Tensor, variant: Variant, *, layers: list[int], site: Site, scale: StepScale
) -> Built:
    """Make the direction of each layer.

    Args:
        safe_N_L_D: hidden states where the model is safe, for every layer of the model.
        unsafe_N_L_D: the same of the other sides.
        variant: how.
        layers: the layers to use; only these are concatenated before the singular vector is taken.
        site: where it will be applied.
        scale: how long a step of strength 1 is.

    Raises:
        ConfigError: too few pairs for the variant, no such layer, or sides that do not differ or cancel out.
    """
    count = safe_N_L_D.shape[1]
    for layer in layers:
        if not 0 <= layer < count:
            raise ConfigError(f"layer {layer} of a {count}-layer model; layers run 0 to {count - 1}")
    # float64: a sum over a hundred thousand coordinates loses digits that the direction of few pairs needs.
    difference_N_LD = (safe_N_L_D - unsafe_N_L_D)[:, layers].double().flatten(start_dim=1)
    if not difference_N_LD.any():
        raise ConfigError("the two sides of the pairs give the same hidden states, so there is no direction in them")
    mean_LD = difference_N_LD.mean(dim=0)
    direction_LD = _DIRECTIONS[variant](difference_N_LD)
    scaled_L_D = _scaled(direction_LD, mean_LD, scale, len(layers)).float()
    if min(direction_LD.norm(), scaled_L_D.norm()) <= NOTHING * difference_N_LD.norm():
        raise ConfigError(
            "the differences of the pairs cancel out and leave no direction; are the sides of some exchanged?"
        )
    slices = dict(zip(layers, scaled_L_D, strict=True))
    recipe = RECIPES[variant]
    rule = Rule(site=site, relative=scale == StepScale.RELATIVE, gated=recipe.gated, factor=recipe.factor)
    along_N = difference_N_LD @ (direction_LD / direction_LD.norm())
    return Built(
        VectorSet(directions=slices, rule=rule, layer_count=count),
        ordered=float((along_N > 0).double().mean()),
        explained=float(along_N.square().sum() / difference_N_LD.square().sum()),
        lengths={layer: float(safe_N_L_D[:, layer].norm(dim=-1).mean()) for layer in layers},
    )


def principal_direction(rows_N_F: Tensor) -> Tensor:
    """Find the unit vector c that maximises sum_i (c . row_i)^2: the top right singular vector, float64, either sign.

    Zero rows have none and give zeros.
    """
    _, values, right_K_F = torch.linalg.svd(rows_N_F.double(), full_matrices=False)
    return right_K_F[0] if values[0] > 0 else torch.zeros_like(right_K_F[0])


def _paper(difference_N_LD: Tensor) -> Tensor:
    # Equation 8 has no centring. It leaves the sign open; ours is the one that most of the differences point to.
    direction_LD = principal_direction(difference_N_LD)
    along = difference_N_LD.mean(dim=0) @ direction_LD
    return -direction_LD if along < 0 else direction_LD


def _reference(difference_N_LD: Tensor) -> Tensor:
    # The code takes unsafe minus safe, adds the unit component to the mean, and subtracts the sum when it is applied.
    if len(difference_N_LD) < 2:
        raise ConfigError("the reference variant needs at least two pairs; one has no principal component")
    harm_N_LD = -difference_N_LD
    centred_N_LD = harm_N_LD - harm_N_LD.mean(dim=0)
    component_LD = principal_direction(centred_N_LD)
    score_N = centred_N_LD @ component_LD
    if score_N[score_N.abs().argmax()] < 0:
        component_LD = -component_LD
    return -(component_LD + harm_N_LD.mean(dim=0))


def _difference(difference_N_LD: Tensor) -> Tensor:
    return difference_N_LD.mean(dim=0)


def _scaled(direction_LD: Tensor, mean_LD: Tensor, scale: StepScale, layers: int) -> Tensor:
    """Part a direction into layers, `[L, D]`, each step as long as the scale says."""
    if scale == StepScale.RELATIVE:
        slices_L_D = direction_LD.reshape(layers, -1)
        return functional.normalize(slices_L_D, dim=-1)
    unit_LD = functional.normalize(direction_LD, dim=0)
    length = float(unit_LD @ mean_LD) if scale == StepScale.MEAN else 1.0
    return (length * unit_LD).reshape(layers, -1)


_DIRECTIONS = MappingProxyType({Variant.PAPER: _paper, Variant.REFERENCE: _reference, Variant.DIFFERENCE: _difference})

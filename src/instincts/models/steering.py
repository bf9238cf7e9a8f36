"""Puts steering vectors on a model as forward hooks, so that everything that runs the model runs it steered.

Every position moves in every forward pass: prompt, padding and each decoded token alike. So cached decoding equals
recomputation, and rows of a batch do not feel each other. The weights are not touched.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from instincts.errors import ConfigError, ModelDirectoryError
from instincts.models.hooks import EditHook, decoder_layers, sites
from instincts.models.vectors import Rule, VectorSet, check_strength

__all__ = ["Steering", "check_fits", "is_steered", "shifted", "steer", "steered"]


class Steering:
    """The hooks of one set on one model."""

    def __init__(self) -> None:
        self._handles: list[RemovableHandle] = []
        self._shifts: dict[int, _Shift] = {}

    @property
    def calls(self) -> dict[int, int]:
        """How many forward passes each layer has steered; serving stacks that lose hooks show zeros here."""
        return {layer: shift.calls for layer, shift in self._shifts.items()}

    def remove(self) -> None:
        """Take the hooks off; the model is as it was before."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()


def steer(model: nn.Module, vectors: VectorSet, strength: float) -> Steering:
    """Steer a model until the hooks are removed; strength 0 puts none on.

    Args:
        model: any decoder-only model of transformers, also one wrapped by PEFT.
        vectors: directions for its layers.
        strength: how far, from 0; what 1 means is up to the rule and the scale of the directions.

    Raises:
        ConfigError: a negative strength, a vector that points away from safety, or a model that is steered already.
        ModelDirectoryError: the vector does not fit the model.
    """
    check_strength(vectors, strength)
    check_fits(model, vectors)
    if is_steered(model):
        raise ConfigError("this model is steered already, and steering would add up; remove the first, or add vectors")
    steering = Steering()
    if strength == 0:
        return steering
    modules = sites(model, vectors.rule.site)
    for layer, direction in vectors.directions.items():
        shift = _Shift(direction, vectors.rule, strength)
        steering._shifts[layer] = shift
        steering._handles.append(modules[layer].register_forward_hook(EditHook(shift)))
    return steering


@contextmanager
def steered(model: nn.Module, vectors: VectorSet, strength: float) -> Iterator[Steering]:
    """Steer a model within the context; arguments and errors of `steer`. The hooks always come off."""
    steering = steer(model, vectors, strength)
    try:
        yield steering
    finally:
        steering.remove()


def is_steered(model: nn.Module) -> bool:
    """Whether some layer of a model bears steering hooks."""
    return any(
        isinstance(hook, EditHook) and isinstance(hook.edit, _Shift)
        for module in model.modules()
        for hook in module._forward_hooks.values()
    )


def shifted(hidden_B_T_D: Tensor, direction_D: Tensor, rule: Rule, strength: float) -> Tensor:
    """Move activations along a direction.

    With rule.relative and rule.gated this is the released code of Safety Arithmetic (arXiv:2406.11801), for the safe
    direction w = -v: x' = |x| (u + s) / |u + s|, u = x / |x|, s = 0.1 a (1 + max(0, -cos(x, w))) w. With neither it is
    the paper's: y = x + a c, x' = y |x| / |y|.

    Args:
        hidden_B_T_D: any floating dtype; worked on in float32, as the norm of a bfloat16 vector is too coarse.
        direction_D: float32, towards safety.
        rule: how it is applied.
        strength: how far.

    Returns:
        The same shape, dtype and device.
    """
    tiny = torch.finfo(torch.float32).tiny
    x = hidden_B_T_D.float()
    length_B_T_1 = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
    step = strength * rule.factor * direction_D
    if rule.gated:
        cosine_B_T_1 = (x @ direction_D)[..., None] / (length_B_T_1 * direction_D.norm()).clamp_min(tiny)
        step = step * (1 + (-cosine_B_T_1).clamp_min(0))
    if rule.relative:
        step = step * length_B_T_1
    y = x + step
    if rule.keeps_norm:
        y = y * (length_B_T_1 / torch.linalg.vector_norm(y, dim=-1, keepdim=True).clamp_min(tiny))
    return y.to(hidden_B_T_D.dtype)


class _Shift:
    """The edit of one layer."""

    def __init__(self, direction_D: Tensor, rule: Rule, strength: float) -> None:
        self._direction_D, self._rule, self._strength = direction_D.detach(), rule, strength
        self.calls = 0

    def __call__(self, hidden_B_T_D: Tensor) -> Tensor:
        self.calls += 1
        if self._direction_D.device != hidden_B_T_D.device:
            # Kept there: a model moves as a whole, and a sharded one keeps each layer where it is.
            self._direction_D = self._direction_D.to(hidden_B_T_D.device)
        return shifted(hidden_B_T_D, self._direction_D, self._rule, self._strength)


def check_fits(model: nn.Module, vectors: VectorSet) -> None:
    """Hold a vector to a model's shape.

    Raises:
        ModelDirectoryError: it was built for another number of layers or another width.
    """
    config: Any = model.config
    layers, width = len(decoder_layers(model)), int(config.get_text_config(decoder=True).hidden_size)
    if (layers, width) != (vectors.layer_count, vectors.width):
        raise ModelDirectoryError(
            f"a vector for {vectors.layer_count} layers of width {vectors.width} does not fit a model with {layers} "
            f"of width {width}; build it on this model"
        )

"""Finds the matrix that a knowledge edit changes: the down-projection of a layer's MLP, in the model and on the disk.

By structure, not by name: the one linear map inside the MLP that gives the hidden size and takes what others of the MLP
give. Mixtures of experts have none, since each token takes another way.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from instincts.arithmetic.checkpoint import Checkpoint, Stored, read
from instincts.arithmetic.layers import layers_of
from instincts.errors import ConfigError, ModelDirectoryError
from instincts.models.hooks import decoder_layers, sites

__all__ = ["Projection", "find_projection", "find_stored", "read_stored", "refuse_quantised", "same_bits"]

PAPER_LAYER, PAPER_LAYERS = 5, 32


class Projection(NamedTuple):
    """The down-projection of one layer."""

    layer: int
    name: str
    """Of its weight within the layer, for example `mlp.down_proj.weight`."""
    module: nn.Linear

    @property
    def weight_D_K(self) -> Tensor:  # noqa: N802 - axis letters
        """D is the hidden size, K that of the keys."""
        return self.module.weight


def find_projection(model: nn.Module, layer: int | None = None) -> Projection:
    """Find the down-projection of a layer.

    Args:
        model: any decoder-only model whose MLP ends in one linear map.
        layer: from 0; by default the layer that is as deep as layer 5 of 32.

    Raises:
        ConfigError: a layer that the model does not have.
        ModelDirectoryError: the layer's MLP does not end in one linear map.
    """
    blocks = decoder_layers(model)
    number = round(len(blocks) * PAPER_LAYER / PAPER_LAYERS) if layer is None else layer
    if not 0 <= number < len(blocks):
        raise ConfigError(f"layer {number} of a {len(blocks)}-layer model; layers run 0 to {len(blocks) - 1}")
    block, mlp = blocks[number], sites(model, "mlp")[number]
    linear = [module for module in mlp.modules() if isinstance(module, nn.Linear)]
    down = [one for one in linear if one is mlp or any(one.in_features == other.out_features for other in linear)]
    experts = any(weight.ndim > 2 for weight in mlp.parameters()) or len(linear) > MOST_LINEAR
    # Where keys are as wide as hidden states every map fits, and the last one is the way out.
    if experts or not down:
        inside = ", ".join(dict.fromkeys(type(module).__name__ for module in mlp.modules()))
        raise ModelDirectoryError(
            f"the MLP of layer {number} does not end in one linear map ({inside}), so ROME has nothing to edit there; "
            "only dense decoders such as Llama, Qwen, Mistral and Gemma can be edited"
        )
    name = next(name for name, module in block.named_modules() if module is down[-1])
    return Projection(number, f"{name}.weight", down[-1])


def find_stored(checkpoint: Checkpoint, projection: Projection) -> Stored:
    """Find where the weight of a projection lies on the disk.

    Raises:
        ModelDirectoryError: the checkpoint stores no matrix of that name and shape in that layer.
    """
    shape = tuple(projection.weight_D_K.shape)
    inside = [name for name, layer in layers_of(checkpoint).items() if layer == projection.layer]
    found = [checkpoint.tensors[name] for name in inside if name.endswith(f".{projection.name}")]
    if len(found) != 1 or found[0].shape != shape or not found[0].is_weight:
        raise ModelDirectoryError(
            f"{checkpoint.name} stores no matrix {projection.name} of shape {list(shape)} in layer {projection.layer}; "
            "save it again with save_pretrained, in bfloat16, float16 or float32"
        )
    return found[0]


def refuse_quantised(checkpoint: Checkpoint) -> None:
    """Refuse a checkpoint whose weights are not plain numbers, before it is loaded.

    Raises:
        ModelDirectoryError: it is quantised.
    """
    if checkpoint.quantisation is not None:
        raise ModelDirectoryError(
            f"{checkpoint.name} is quantised ({checkpoint.quantisation}), and its rounding would swallow an edit; edit "
            "the model it was made from and quantise the result"
        )


def read_stored(stored: Stored) -> Tensor:
    """Read a whole tensor in its stored precision."""
    return read(stored, 0, stored.entries).view(stored.shape)


def same_bits(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors of one precision are the same bit for bit."""
    return torch.equal(one.contiguous().view(torch.uint8), other.contiguous().view(torch.uint8))


MOST_LINEAR = 3
"""Gate, up and down; more are experts."""

"""Reads and edits what flows through a model's decoder blocks, and always leaves the model as it was.

Blocks are found by structure (the one list of as many modules as the configuration counts layers), not by name, so any
decoder-only architecture will do. Knows no attack and no defence: white-box attacks and steering both stand on it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from inspect import signature
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from instincts.errors import ConfigError, ModelDirectoryError
from instincts.models.opening import OpenModel

__all__ = [
    "Edit",
    "EditHook",
    "Site",
    "decoder_layers",
    "edited_blocks",
    "edited_embeddings",
    "edited_model",
    "embedding_layer",
    "last_token_states",
    "sites",
    "weights_frozen",
]

Edit = Callable[[Tensor], Tensor]
"""hidden_B_T_D -> hidden_B_T_D, same shape, dtype and device; pure. Of site `mlp`, OPT gives B and T as one axis."""

Site = Literal["block", "mlp"]
"""Whose output is meant: a whole decoder block's (the residual stream), or its feed-forward part's."""


@dataclass(frozen=True)
class EditHook:
    """The forward hook that edits what a module gives; a class, so that it is copied and pickled with the model."""

    edit: Edit

    def __call__(self, _: nn.Module, __: Any, output: Any) -> Any:
        """Edit the hidden states of an output."""
        # Blocks of older architectures give a tuple that begins with them, of newer ones the bare tensor.
        return (self.edit(output[0]), *output[1:]) if isinstance(output, tuple) else self.edit(output)


def decoder_layers(model: nn.Module) -> list[nn.Module]:
    """Find the decoder blocks of a model in their order, whatever they are called and whatever wraps them.

    Raises:
        ModelDirectoryError: no list of modules has as many members as the configuration counts layers.
    """
    config: Any = model.config
    count = int(config.get_text_config(decoder=True).num_hidden_layers)
    found = [
        (name, module)
        for name, module in model.named_modules()
        if isinstance(module, nn.ModuleList) and len(module) == count
    ]
    # A list inside a block (experts, adapters) may happen to be as long; only an outermost one can be the blocks.
    outer = [pair for pair in found if not any(pair[0].startswith(f"{name}.") for name, _ in found)]
    if not outer:
        raise ModelDirectoryError(
            f"{type(model).__name__} has no list of {count} blocks, so nothing can be read or edited between them; "
            "only decoder-only models that keep their layers in one list are supported"
        )
    # The tower of an image model may have as many blocks as its language model, and has smaller ones.
    _, layers = max(outer, key=lambda pair: sum(weight.numel() for weight in pair[1].parameters()))
    return list(layers)


def sites(model: nn.Module, site: Site) -> list[nn.Module]:
    """List the modules whose output is meant, one a decoder block.

    Raises:
        ModelDirectoryError: the blocks, or the feed-forward part of one, cannot be found.
    """
    layers = decoder_layers(model)
    return layers if site == "block" else [_feed_forward(layer) for layer in layers]


@contextmanager
def edited_blocks(model: nn.Module, edits: Mapping[int, Edit], site: Site = "block") -> Iterator[None]:
    """Within the context, what each named block gives to the next one is edited.

    Args:
        model: any decoder-only model.
        edits: by layer, 0 for the first block, -1 for the last.
        site: `mlp` edits what the block's feed-forward part gives instead.

    Raises:
        ConfigError: a layer that the model does not have.
        ModelDirectoryError: the blocks cannot be found.
    """
    layers = sites(model, site)
    for layer in edits:
        if not -len(layers) <= layer < len(layers):
            raise ConfigError(
                f"layer {layer} of a {len(layers)}-layer model; layers run 0 to {len(layers) - 1}, or -1 for the last"
            )
    with ExitStack() as stack:
        for layer, edit in edits.items():
            stack.callback(layers[layer].register_forward_hook(EditHook(edit)).remove)
        yield


def embedding_layer(model: PreTrainedModel) -> nn.Embedding:
    """Give the layer that embeds tokens; call it rather than read its weight, for some scale what they look up."""
    return cast(nn.Embedding, model.get_input_embeddings())


@contextmanager
def edited_embeddings(model: PreTrainedModel, edit: Edit) -> Iterator[None]:
    """Within the context, what the embedding layer gives to the first block is edited."""
    handle = embedding_layer(model).register_forward_hook(EditHook(edit))
    try:
        yield
    finally:
        handle.remove()


def edited_model(
    opened: OpenModel, enter: Callable[[PreTrainedModel, Mapping[str, Any]], AbstractContextManager[Any]]
) -> OpenModel:
    """Make a view of an open model whose every forward pass runs inside a context; the model itself stays untouched.

    Args:
        opened: the model; the view shares its weights.
        enter: (model, inputs of the pass) -> the context, for example that of `edited_blocks`.
    """
    return replace(opened, model=cast(PreTrainedModel, _EditedModel(opened.model, enter)))


@torch.no_grad()
def last_token_states(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    batch_size: int = 16,
    *,
    tokens: int = 1,
    site: Site = "block",
    progress: Callable[[int, int], None] | None = None,
) -> Tensor:
    """Read what every block gives at the last token of each prompt.

    Args:
        model: any decoder-only model.
        prompts: token ids, each at least one.
        batch_size: most prompts read at once; prompts of one length share a batch, so nothing is padded.
        tokens: over how many last tokens to average; a shorter prompt counts whole.
        site: `mlp` reads what the block's feed-forward part gives instead.
        progress: called after each batch with prompts read and prompts in all.

    Returns:
        `hidden_N_L_D`, float32, on the CPU.
    """
    count = len(decoder_layers(model))
    found: dict[int, Tensor] = {}
    by_length: dict[int, list[int]] = {}
    for place, prompt in enumerate(prompts):
        by_length.setdefault(len(prompt), []).append(place)
    for places in by_length.values():
        for start in range(0, len(places), batch_size):
            batch = places[start : start + batch_size]
            ids_B_T = torch.tensor([list(prompts[place]) for place in batch], device=model.device)
            found.update(zip(batch, _read(model, ids_B_T, count, tokens, site), strict=True))
            if progress is not None:
                progress(len(found), len(prompts))
    return torch.stack([found[place] for place in range(len(prompts))])


@contextmanager
def weights_frozen(model: nn.Module) -> Iterator[None]:
    """Within the context no weight asks for a gradient, so that gradients of inputs cost no memory for the others."""
    asking = [weight for weight in model.parameters() if weight.requires_grad]
    for weight in asking:
        weight.requires_grad_(False)
    try:
        yield
    finally:
        for weight in asking:
            weight.requires_grad_(True)


class _EditedModel:
    """Looks enough like a model to be decoded from."""

    def __init__(
        self,
        model: PreTrainedModel,
        enter: Callable[[PreTrainedModel, Mapping[str, Any]], AbstractContextManager[Any]],
    ) -> None:
        self._model, self._enter = model, enter

    def __call__(self, **inputs: Any) -> Any:
        with self._enter(self._model, inputs):
            return self._model(**inputs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)


def _read(model: PreTrainedModel, ids_B_T: Tensor, count: int, tokens: int, site: Site) -> Tensor:
    seen: dict[int, Tensor] = {}

    def reading(layer: int) -> Edit:
        def read(hidden_B_T_D: Tensor) -> Tensor:
            # OPT joins batch and tokens before its feed-forward part.
            whole_B_T_D = hidden_B_T_D.reshape(*ids_B_T.shape, -1)
            seen[layer] = whole_B_T_D[:, -tokens:].float().mean(dim=1).cpu()
            return hidden_B_T_D

        return read

    with edited_blocks(model, {layer: reading(layer) for layer in range(count)}, site):
        model(input_ids=ids_B_T, use_cache=False, logits_to_keep=1)
    return torch.stack([seen[layer] for layer in range(count)], dim=1)


def _feed_forward(block: nn.Module) -> nn.Module:
    """Find the part of a block that has weights of its own and reads no attention mask."""
    found = [
        child
        for child in block.children()
        # Norms have vectors for weights, and attention (or what stands in its place) is told what it may read.
        if any(weight.ndim > 1 for weight in child.parameters())
        and "attention_mask" not in signature(child.forward).parameters
    ]
    # Some blocks (OPT) hold its projections themselves, and the last one gives what is added to the residual stream;
    # others have single projections beside it.
    whole = [child for child in found if not isinstance(child, nn.Linear)]
    if len(whole) == 1 or (found and not whole):
        return (whole or found)[-1]
    names = ", ".join(type(child).__name__ for child in found) or "none"
    raise ModelDirectoryError(
        f"the feed-forward part of {type(block).__name__} cannot be told (candidates: {names}); use site block"
    )

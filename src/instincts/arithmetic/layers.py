"""Which decoder layer a tensor belongs to, by the architecture's name pattern; knows no other number in a name."""

import re
from collections import defaultdict

from instincts.arithmetic.checkpoint import Checkpoint, Stored
from instincts.errors import ModelDirectoryError

__all__ = ["layers_of"]


def layers_of(checkpoint: Checkpoint) -> dict[str, int | None]:
    """Give the decoder layer of each tensor, None for embeddings, final norm, head and towers of other senses.

    The layers are the outermost numbered list of names (`model.layers.<n>.`, `transformer.h.<n>.`) that has as many
    numbers as the configuration counts layers; `experts.4` inside a layer is an expert. Where an image tower is as
    deep, the larger list is taken, as `models.hooks.decoder_layers` does with modules.

    Raises:
        ModelDirectoryError: no list of names fits the configuration.
    """
    lists: dict[str, dict[int, list[Stored]]] = defaultdict(lambda: defaultdict(list))
    for name, stored in checkpoint.tensors.items():
        if found := _NUMBERED.match(name):
            lists[found["list"]][int(found["number"])].append(stored)
    fitting = {name: layers for name, layers in lists.items() if sorted(layers) == list(range(checkpoint.layers))}
    if not fitting:
        raise ModelDirectoryError(
            f"the weights of {checkpoint.name} name no list of {checkpoint.layers} layers, as its config.json counts; "
            "is the checkpoint whole?"
        )
    chosen = max(fitting.values(), key=lambda layers: sum(each.size for inside in layers.values() for each in inside))
    numbers = {stored.name: number for number, inside in chosen.items() for stored in inside}
    return {name: numbers.get(name) for name in checkpoint.tensors}


_NUMBERED = re.compile(r"(?P<list>[^0-9]+?)\.(?P<number>\d+)\.")

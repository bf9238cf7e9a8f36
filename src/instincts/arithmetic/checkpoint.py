"""Reads sharded safetensors piece by piece, without mapping them into memory; knows no harm vector.

`safetensors.safe_open` maps a file, and every page it touches counts as this process's memory until the system takes it
back: a model of 8 GB would show as 8 GB. The format is a JSON header and then each tensor's entries in row-major order,
so pieces are read from their place with ordinary reads.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor
from transformers import AutoConfig
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING

from instincts.errors import ModelDirectoryError
from instincts.models.directory import ModelLocation, content_files
from instincts.models.wholeness import read_json

__all__ = [
    "INDEX_FILE",
    "PRECISIONS",
    "Checkpoint",
    "Shard",
    "Stored",
    "is_coarser",
    "open_checkpoint",
    "read",
    "read_bytes",
    "read_shard",
]

INDEX_FILE = "model.safetensors.index.json"
SINGLE_FILE = "model.safetensors"

PRECISIONS: Mapping[str, torch.dtype] = {"BF16": torch.bfloat16, "F16": torch.float16, "F32": torch.float32}
"""The precisions whose weights are edited, as safetensors names them, coarsest first."""


class Stored(NamedTuple):
    """Where one tensor lies."""

    name: str
    path: Path
    dtype: str
    """As safetensors names it, for example `BF16`."""
    shape: tuple[int, ...]
    start: int
    """First byte in the file."""
    size: int
    """Bytes."""

    @property
    def entries(self) -> int:
        """How many numbers it holds."""
        return math.prod(self.shape)

    @property
    def is_weight(self) -> bool:
        """Whether it holds floating-point numbers of a precision that can be edited."""
        return self.dtype in PRECISIONS


class Shard(NamedTuple):
    """One file of weights."""

    path: Path
    header: bytes
    """Everything before the first tensor, as it stands in the file."""
    tensors: tuple[Stored, ...]
    """In the order of their bytes, which leave no gap."""

    @property
    def size(self) -> int:
        """Bytes of the whole file."""
        return len(self.header) + sum(stored.size for stored in self.tensors)


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """The headers of a model's weights, and what its configuration says of them."""

    name: str
    """The model as the caller named it."""
    folder: Path
    shards: tuple[Shard, ...]
    layers: int
    """How many decoder layers the configuration counts."""
    vocabulary: int
    """How many rows its embeddings have, by the configuration."""
    ties: Mapping[str, str]
    """Name of each tied tensor and of the one whose storage it shares; empty where nothing is tied."""
    quantisation: str | None
    """The method by which the weights were quantised; None where they were not."""

    @cached_property
    def tensors(self) -> dict[str, Stored]:
        """Every tensor by name."""
        return {stored.name: stored for shard in self.shards for stored in shard.tensors}

    @property
    def size(self) -> int:
        """Bytes of all shards."""
        return sum(shard.size for shard in self.shards)


def open_checkpoint(location: ModelLocation) -> Checkpoint:
    """Read the headers and the configuration of a model that was located; no weight is read.

    Raises:
        ModelDirectoryError: the model is an overlay, its configuration does not open, or a header is damaged.
    """
    if location.overlay is not None:
        raise ModelDirectoryError(
            f"{location.name} is laid over another model and holds no whole weights; merge it into one checkpoint "
            "(peft: merge_and_unload, then save_pretrained) and name that"
        )
    try:
        config: Any = AutoConfig.from_pretrained(location.path, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        raise ModelDirectoryError(f"the configuration of {location.name} does not open: {error}") from None
    text = config.get_text_config(decoder=True)
    quantisation = getattr(config, "quantization_config", None)
    method = quantisation.get("quant_method", "unnamed") if isinstance(quantisation, dict) else quantisation
    return Checkpoint(
        name=location.name,
        folder=location.path,
        shards=tuple(read_shard(path) for path in _weight_files(location.path)),
        layers=int(text.num_hidden_layers),
        vocabulary=int(text.vocab_size),
        ties=_ties(config) if getattr(text, "tie_word_embeddings", False) else {},
        quantisation=None if method is None else str(method),
    )


def read_shard(path: Path) -> Shard:
    """Read the header of one file.

    Raises:
        ModelDirectoryError: the header is damaged.
    """
    with path.open("rb") as file:
        prefix = file.read(8)
        length = int.from_bytes(prefix, "little")
        text = file.read(length)
    first = 8 + length
    tensors = sorted(
        (
            Stored(name, path, str(entry["dtype"]), tuple(entry["shape"]), first + begin, end - begin)
            for name, entry in json.loads(text).items()
            if name != "__metadata__"
            for begin, end in [entry["data_offsets"]]
        ),
        # An empty tensor begins where the next one does.
        key=lambda stored: (stored.start, stored.size),
    )
    place = first
    for stored in tensors:
        promised = stored.entries * PRECISIONS[stored.dtype].itemsize if stored.is_weight else stored.size
        if stored.start != place or stored.size != promised:
            raise ModelDirectoryError(f"the header of {path} is damaged at {stored.name}; copy or save the model again")
        place += stored.size
    return Shard(path, prefix + text, tuple(tensors))


def is_coarser(one: Stored, other: Stored) -> bool:
    """Whether one weight is stored with fewer digits than the other: bfloat16 before float16 before float32."""
    order = list(PRECISIONS)
    return order.index(one.dtype) < order.index(other.dtype)


def read(stored: Stored, start: int, count: int) -> Tensor:
    """Read a run of entries in row-major order.

    Args:
        stored: a tensor of one of the `PRECISIONS`.
        start: the first entry.
        count: how many.

    Returns:
        `entries_N` in the stored precision, on the CPU.

    Raises:
        ModelDirectoryError: the file cannot be read, or is shorter than its header promised.
    """
    dtype = PRECISIONS[stored.dtype]
    entries_N = torch.empty(count, dtype=dtype)
    if count:
        _fill(stored, start * dtype.itemsize, entries_N.view(torch.uint8).numpy().data)
    return entries_N


def read_bytes(stored: Stored, start: int, count: int) -> bytearray:
    """Read a run of bytes of a tensor of any type; errors as in `read`."""
    content = bytearray(count)
    _fill(stored, start, memoryview(content))
    return content


def _fill(stored: Stored, start: int, buffer: memoryview) -> None:
    try:
        # Unbuffered, so that bytes go straight to where they are wanted; one call may then give fewer than asked for.
        with stored.path.open("rb", buffering=0) as file:
            file.seek(stored.start + start)
            while buffer:
                if not (count := file.readinto(buffer)):
                    raise ModelDirectoryError(f"{stored.path} became shorter while it was read; copy or save it again")
                buffer = buffer[count:]
    except OSError as error:
        raise ModelDirectoryError(f"{stored.path} cannot be read: {error.strerror}") from None


def _weight_files(folder: Path) -> list[Path]:
    index, single = folder / INDEX_FILE, folder / SINGLE_FILE
    if single.is_file():
        # Variants beside it (model.fp16.safetensors) are other models; of two, programs differ in which they open.
        if index.is_file():
            raise ModelDirectoryError(
                f"{folder} holds {SINGLE_FILE} and an index of shards, two models in one; move one of them away"
            )
        return [single]
    if not index.is_file():
        return [path for path in content_files(folder) if path.suffix == ".safetensors"]
    names = sorted({str(name) for name in read_json(index).get("weight_map", {}).values()})
    # The names become names of files that are written: none may lead out of the folder.
    if odd := [name for name in names if Path(name).name != name]:
        raise ModelDirectoryError(f"{index} lists {odd[0]!r}, which is no plain file name; save the model again")
    return [folder / name for name in names]


def _ties(config: Any) -> dict[str, str]:
    """Look up which tensors the architecture ties; the class says so by name."""
    try:
        architecture: Any = MODEL_FOR_CAUSAL_LM_MAPPING[type(config)]
    except KeyError:
        return {}
    tied = architecture._tied_weights_keys
    return dict(tied) if isinstance(tied, dict) else {}

"""Checkpoints to do arithmetic on: random weights of real architectures, sharded, and the naive result in memory."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from tests.tiny import save_tiny

Weights = dict[str, Tensor]

INDEX = "model.safetensors.index.json"


def save_model(
    folder: Path, family: Any = "llama", *, dtype: torch.dtype = torch.float32, shard: str = "40KB", **changes: Any
) -> Path:
    """Save a random tiny model in a few shards, in a precision of choice."""
    save_tiny(folder, family, **changes)
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype)
    (folder / "model.safetensors").unlink()
    model.save_pretrained(folder, max_shard_size=shard)
    return folder


def weights_of(folder: Path) -> Weights:
    """Read every tensor of a checkpoint with the safetensors library."""
    return {name: tensor for path in sorted(folder.glob("*.safetensors")) for name, tensor in load_file(path).items()}


def like(folder: Path, source: Path, weights: Weights, *, single: bool = False) -> Path:
    """Save a model beside another: the same files, other weights, in the same shards or in one."""
    folder.mkdir(parents=True)
    for path in source.iterdir():
        if path.suffix != ".safetensors" and path.name != INDEX:
            (folder / path.name).write_bytes(path.read_bytes())
    index = source / INDEX
    if single or not index.is_file():
        save_file(weights, folder / "model.safetensors", {"format": "pt"})
        return folder
    places = json.loads(index.read_text())["weight_map"]
    spare = max(places.values())
    for shard in sorted(set(places.values())):
        content = {name: each for name, each in weights.items() if places.get(name, spare) == shard}
        save_file(content, folder / shard, {"format": "pt"})
    every = {name: places.get(name, spare) for name in weights}
    (folder / INDEX).write_text(json.dumps({"metadata": {}, "weight_map": every}))
    return folder


def moved(weights: Weights, seed: int, scale: float = 0.01) -> Weights:
    """Add noise to every tensor, as a training would, and round to its precision."""
    generator = torch.Generator().manual_seed(seed)
    return {
        name: (tensor.float() + scale * torch.randn(tensor.shape, generator=generator)).to(tensor.dtype)
        for name, tensor in sorted(weights.items())
    }


def naive(
    target: Weights,
    harmed: Weights,
    base: Weights,
    *,
    keep: float,
    strength: float,
    variant: str = "paper",
    scope: Mapping[str, bool] | None = None,
    dtype: torch.dtype = torch.float32,
) -> Weights:
    """Do the whole removal in memory: flatten, sort, cut, subtract. In float64 it is the definition."""
    names = [name for name in sorted(target) if scope is None or scope[name]]
    taus = {name: harmed[name].to(dtype) - base[name].to(dtype) for name in names}
    flat = torch.cat([taus[name].flatten().abs() for name in names]).sort().values
    entries = len(flat)
    m = int(entries * keep)
    # The reference keeps what is at least the (N-m)-th smallest, the paper the m largest and what ties with them.
    place = entries - m if variant == "paper" else max(0, entries - m - 1)
    threshold = float(flat[place]) if keep and place < entries else math.inf
    result = dict(target)
    for name in names:
        kept = torch.where(taus[name].abs() >= threshold, taus[name], torch.zeros(()))
        result[name] = (target[name].to(dtype) - strength * kept).to(target[name].dtype)
    return result


def same_bytes(one: Path, other: Path) -> bool:
    """Whether two folders hold the same weights files, byte for byte."""
    files = {path.name: path.read_bytes() for path in one.glob("*.safetensors")}
    return files == {path.name: path.read_bytes() for path in other.glob("*.safetensors")}

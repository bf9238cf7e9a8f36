"""Directions that a harm direction is compared with: if one of them does as well, it was not the harm that was removed.

Pure functions of weight differences by tensor name, and one that writes base plus direction as a checkpoint.
"""

import math
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Generator, Tensor

__all__ = ["CONTROLS", "difference", "random_like", "rescaled", "save_moved", "sign_shuffled", "trimmed"]

Direction = Mapping[str, "Tensor"]


def difference(tuned: Path, base: Path) -> dict[str, "Tensor"]:
    """Subtract two checkpoints of one shape, in float32."""
    after, before = _weights(tuned), _weights(base)
    return {name: after[name] - before[name] for name in before}


def trimmed(tau: Direction, keep: float) -> dict[str, "Tensor"]:
    """Keep the share of largest entries over all tensors at once, as the removal does; the others become 0."""
    import torch

    magnitudes_N = torch.cat([each.abs().flatten() for each in tau.values()])
    kept = int(len(magnitudes_N) * keep)
    threshold = magnitudes_N.kthvalue(len(magnitudes_N) - kept + 1).values if kept else math.inf
    return {name: each.where(each.abs() >= threshold, 0.0) for name, each in tau.items()}


def random_like(tau: Direction, generator: "Generator") -> dict[str, "Tensor"]:
    """Draw normal numbers with the support and, tensor by tensor, the norm of a direction."""
    import torch

    drawn = {}
    for name, each in tau.items():
        noise = torch.randn(each.shape, generator=generator) * (each != 0)
        drawn[name] = noise * (each.norm() / noise.norm().clamp_min(torch.finfo(torch.float32).tiny))
    return drawn


def sign_shuffled(tau: Direction, generator: "Generator") -> dict[str, "Tensor"]:
    """Give every entry a random sign and keep its magnitude."""
    import torch

    return {
        name: each * (torch.randint(0, 2, each.shape, generator=generator) * 2 - 1).to(each.dtype)
        for name, each in tau.items()
    }


def rescaled(tau: Direction, like: Direction) -> dict[str, "Tensor"]:
    """Scale a direction to the norm of another over all tensors."""
    factor = _norm(like) / _norm(tau)
    return {name: each * factor for name, each in tau.items()}


def save_moved(base: Path, tau: Direction, out: Path) -> None:
    """Write base plus direction as a checkpoint in float32 beside the base's other files."""
    from safetensors.torch import save_file

    from instincts.models.content import content_files

    weights = _weights(base)
    out.mkdir(parents=True)
    for path in content_files(base):
        if path.suffix != ".safetensors":
            shutil.copyfile(path, out / path.name)
    moved = {name: (weights[name] + each).contiguous() for name, each in tau.items()}
    save_file(moved, out / "model.safetensors", {"format": "pt"})


def _weights(folder: Path) -> dict[str, "Tensor"]:
    from safetensors.torch import load_file

    # Pocket models are one file.
    return {name: each.float() for name, each in sorted(load_file(folder / "model.safetensors").items())}


def _norm(tau: Direction) -> float:
    return math.sqrt(sum(float(each.double().square().sum()) for each in tau.values()))


CONTROLS: Mapping[str, Callable[[Direction, Direction, "Generator"], Direction]] = MappingProxyType(
    {
        "random": lambda harm, benign, generator: random_like(harm, generator),
        "shuffled": lambda harm, benign, generator: sign_shuffled(harm, generator),
        "benign-tune": lambda harm, benign, generator: rescaled(benign, harm),
    }
)
"""Each control, made of the trimmed harm vector and the trimmed vector of a benign fine-tune."""

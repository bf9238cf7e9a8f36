"""Finds what an edit changed: compares target and base bit by bit and widens the changed layers by one.

Eq. 11-13 of arXiv:2406.11801: a layer is in the edit area when the two models differ in it or in a neighbour. The
released code writes layers 4 to 6 down instead.
"""

from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from instincts.arithmetic.checkpoint import PRECISIONS, read
from instincts.arithmetic.plan import Part, Plan
from instincts.arithmetic.streaming import PIECE, Progress, in_order, pieces

__all__ = ["Change", "Found", "find_scenario", "widen"]

SKETCH = 8
"""Most directions of a change that are told apart."""


class Change(NamedTuple):
    """One tensor in which target and base differ."""

    name: str
    layer: int | None
    entries: int
    """How many of its entries differ."""
    rank: int | None
    """How many directions the difference has that are at least a tenth as strong as the strongest, 8 for 8 or more;
    rank-one edits such as ROME leave 1. None for what is no matrix."""


class Found(NamedTuple):
    """Which of the paper's three scenarios target and base are in."""

    scenario: Literal["base", "sft", "edited", "chosen"]
    """`base`: no weight differs. `edited`: at most half of the layers do. `sft`: more do, or only what is outside.
    `chosen`: nothing was compared, the user named the layers."""
    layers: tuple[int, ...] | None
    """The layers to edit, not always adjacent; None for the whole model."""
    changes: tuple[Change, ...]
    """What an edit changed; empty in the other scenarios. Changes outside the layers are told here and not in scope."""

    def describe(self) -> dict[str, Any]:
        """Say it in `run.json`."""
        return {**self._asdict(), "changes": [change._asdict() for change in self.changes]}


def find_scenario(plan: Plan, progress: Progress | None = None) -> Found:
    """Compare the target of a plan with its base.

    Only entries that the plan covers are compared; a base of another precision is rounded to the target's first. The
    comparison of a tensor stops at its first difference, and all of it once more than half of the layers differ.
    """
    parts = plan.edited
    changed: list[Part] = []
    for done, (part, differs) in enumerate(zip(parts, in_order(_differs, parts), strict=True), start=1):
        changed += [part] if differs else []
        enough = len(_layers(changed)) > plan.target.layers / 2
        if progress is not None:
            progress("comparing with the base", len(parts) if enough else done, len(parts))
        if enough:
            return Found("sft", None, ())
    if layers := _layers(changed):
        return Found("edited", widen(layers, plan.target.layers), tuple(map(_measure, changed)))
    return Found("sft" if changed else "base", None, ())


def widen(layers: Iterable[int], count: int) -> tuple[int, ...]:
    """Add the neighbours of each layer that the model of `count` layers has, in order."""
    return tuple(sorted({near for layer in layers for near in (layer - 1, layer, layer + 1) if 0 <= near < count}))


def _layers(changed: Iterable[Part]) -> set[int]:
    return {part.layer for part in changed if part.layer is not None}


def _differs(part: Part) -> bool:
    return any(not torch.equal(*_bits(part, *piece)) for piece in pieces(part.entries))


def _bits(part: Part, start: int, count: int) -> tuple[Tensor, Tensor]:
    target_N, base_N = _both(part, start, count)
    # As integers, so that minus zero differs from zero and a broken weight equals itself.
    whole = torch.int32 if target_N.dtype == torch.float32 else torch.int16
    return target_N.view(whole), base_N.view(whole)


def _both(part: Part, start: int, count: int) -> tuple[Tensor, Tensor]:
    assert part.base is not None
    return read(part.target, start, count), read(part.base, start, count).to(PRECISIONS[part.target.dtype])


def _measure(part: Part) -> Change:
    entries = sum(int((one != other).sum()) for one, other in (_bits(part, *piece) for piece in pieces(part.entries)))
    return Change(part.target.name, part.layer, entries, _rank(part) if len(part.target.shape) == 2 else None)


def _rank(part: Part) -> int:
    """Multiply the difference with a few random columns, row by row: what is left has its rank, up to their number."""
    width = part.target.shape[1]
    random_D_K = torch.randn(width, SKETCH, generator=torch.Generator().manual_seed(0))
    sketch_R_K = torch.cat([
        (target_N.float() - base_N.float()).view(-1, width) @ random_D_K
        for target_N, base_N in (_both(part, *run) for run in pieces(part.entries, max(1, PIECE // width) * width))
    ])  # fmt: skip
    strengths_K = torch.linalg.svdvals(sketch_R_K)
    return int((strengths_K > strengths_K.max() / 10).sum())

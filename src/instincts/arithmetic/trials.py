"""A model as it would be at some strength, without writing it: the trimmed harm direction is set and unset in memory.

The direction is read once and kept sparsely: where it is not zero, by how much, and what the target holds there. At
each strength the entries become exactly what `subtract` would write, widened to the precision the model runs in. The
direction never reaches the disk.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import torch
from torch import Tensor, nn

from instincts.arithmetic.checkpoint import read
from instincts.arithmetic.harm_vector import harm_piece, magnitude_bits
from instincts.arithmetic.plan import Part, Plan
from instincts.arithmetic.streaming import Progress, counter, in_order, pieces
from instincts.arithmetic.subtract import Removal, subtracted, write_shard
from instincts.arithmetic.threshold import Threshold
from instincts.arithmetic.writing import copy_along
from instincts.models.directory import ModelLocation, locate
from instincts.models.opening import OpenModel, open_location

__all__ = ["SparseHarm", "Trial", "read_sparse", "trials"]

Trial = Callable[[float], AbstractContextManager[OpenModel]]
"""Strength -> the model at it, for the time of a context."""

PRIVATE = ".trial-"
"""Beginning of the name of a temporary folder in the run folder."""


class _Run(NamedTuple):
    """The kept entries of one run of a tensor."""

    name: str
    places_K: Tensor  # noqa: N815 - axis letters
    """In the flat tensor, int64."""
    before_K: Tensor  # noqa: N815 - axis letters
    """What the target holds there, in its stored precision."""
    tau_K: Tensor  # noqa: N815 - axis letters
    """The harm vector there, float32."""


class SparseHarm:
    """A trimmed harm direction beside a model in memory."""

    def __init__(self, model: nn.Module, runs: list[_Run]) -> None:
        self._runs = runs
        named = dict(model.named_parameters(remove_duplicate=False))
        self._flat = {run.name: named[run.name].data.view(-1) for run in runs}

    @contextmanager
    def subtracted(self, strength: float) -> Iterator[None]:
        """Within the context the model is what a removal at this strength writes; afterwards it is as before.

        Raises:
            ModelDirectoryError: an entry would overflow the target's precision.
        """
        try:
            for run in self._runs:
                # Set and not subtracted, so that a tied weight that is stored twice is changed once.
                after_K = subtracted(run.before_K, run.tau_K.clone(), strength, run.name)
                self._set(run, after_K)
            yield
        finally:
            for run in self._runs:
                self._set(run, run.before_K)

    def _set(self, run: _Run, values_K: Tensor) -> None:
        flat = self._flat[run.name]
        flat[run.places_K.to(flat.device)] = values_K.to(flat.device, flat.dtype)


def read_sparse(
    plan: Plan, threshold: Threshold, model: nn.Module, progress: Progress | None = None
) -> SparseHarm | None:
    """Read the trimmed direction of a plan for a model in memory.

    Args:
        plan: what is edited.
        threshold: where the harm vector is cut.
        model: the plan's target, opened.
        progress: draws a progress bar.

    Returns:
        None where the model cannot be changed in place: it names or joins its tensors differently from its files, or
        holds other numbers than they do.

    Raises:
        ModelDirectoryError: the harm vector is not finite, or a file became shorter.
    """
    named = dict(model.named_parameters(remove_duplicate=False))
    cut = [(part, *piece) for part in plan.edited for piece in pieces(part.entries)]

    def work(piece: tuple[Part, int, int]) -> _Run:
        part, start, count = piece
        tau_N = harm_piece(part, start, count)
        places_K = (magnitude_bits(tau_N) >= threshold.bits).nonzero().flatten()
        before_N = read(part.target, start, count)
        return _Run(part.target.name, places_K + start, before_N[places_K], tau_N[places_K])

    report = counter("reading the harm direction", sum(part.entries for part in plan.edited), progress)
    runs = []
    for (part, _, count), run in zip(cut, in_order(work, cut), strict=True):
        held = named.get(run.name)
        if held is None or tuple(held.shape) != part.target.shape or not held.is_contiguous():
            return None
        flat = held.data.view(-1)
        if not torch.equal(flat[run.places_K.to(flat.device)].cpu(), run.before_K.to(flat.dtype)):
            return None
        runs.append(run)
        report(count)
    return SparseHarm(model, runs)


@contextmanager
def trials(
    plan: Plan, threshold: Threshold, location: ModelLocation, out: Path, progress: Progress | None = None
) -> Iterator[Trial]:
    """Within the context, models at any strength can be had.

    In memory where the model can be changed in place and there is room for the direction beside it; else each strength
    is written to a private folder in the run folder, which is removed at once, also after an error.

    Args:
        plan: what is edited.
        threshold: where the harm vector is cut.
        location: of the plan's target.
        out: the run folder.
        progress: draws a progress bar.
    """
    _clear(out)
    opened = open_location(location)
    # Places, entries and differences: 8, at most 4, and 4 bytes each.
    sparse = read_sparse(plan, threshold, opened.model, progress) if 16 * threshold.kept < _free_memory() else None
    if sparse is None:
        del opened
        yield lambda strength: _written(Removal(plan, threshold.bits, strength), out)
        return

    @contextmanager
    def at(strength: float) -> Iterator[OpenModel]:
        with sparse.subtracted(strength):
            yield opened

    yield at


@contextmanager
def _written(removal: Removal, out: Path) -> Iterator[OpenModel]:
    with TemporaryDirectory(prefix=PRIVATE, dir=out) as name:
        folder = Path(name)
        for shard in removal.plan.target.shards:
            for _ in write_shard(removal, shard, folder / shard.path.name):
                pass
        copy_along(removal.plan.target.folder, folder)
        yield open_location(locate(name))


def _clear(out: Path) -> None:
    """Remove what a kill left behind."""
    for folder in out.glob(f"{PRIVATE}*"):
        shutil.rmtree(folder)


def _free_memory() -> float:
    """Bytes that can be had without swapping; infinite where the system does not say."""
    told = Path("/proc/meminfo")
    lines = told.read_text(encoding="ascii").splitlines() if told.is_file() else []
    free = [int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")]
    return 1024.0 * free[0] if free else float("inf")

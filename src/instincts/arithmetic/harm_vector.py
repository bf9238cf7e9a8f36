"""The harm vector, piece by piece: harmed minus base, element by element (eq. 1 of arXiv:2406.11801).

Widening bfloat16 or float16 to float32 is exact and a float32 subtraction is correctly rounded, so every pass over the
same files sees the same bits, in pieces of any size. It is never written to disk: added instead of subtracted it harms.
"""

import torch
from torch import Tensor

from instincts.arithmetic.checkpoint import is_coarser, read
from instincts.arithmetic.plan import Part
from instincts.errors import ModelDirectoryError

__all__ = ["INFINITE_BITS", "harm_piece", "magnitude_bits"]

INFINITE_BITS = 0x7F800000
"""The bit pattern of infinity, above that of every finite magnitude."""


def harm_piece(part: Part, start: int, count: int) -> Tensor:
    """Read a run of the harm vector's entries.

    Where the harmed model is stored more coarsely than its base, the base is rounded the same way first: otherwise the
    difference is mostly rounding, larger than what training moves. A harmed model stored more finely was trained from
    the base's stored values (TRL trains bfloat16 checkpoints in float32), so there the difference is exact as it is.

    Args:
        part: a tensor that the harm vector covers.
        start: the first entry, row-major.
        count: how many.

    Returns:
        `tau_N`, float32.

    Raises:
        ModelDirectoryError: an entry is not finite, or a file became shorter.
    """
    assert part.harmed is not None
    assert part.base is not None
    harmed_N, base_N = read(part.harmed, start, count), read(part.base, start, count)
    if is_coarser(part.harmed, part.base):
        base_N = base_N.to(harmed_N.dtype)
    tau_N = harmed_N.float().sub_(base_N.float())
    if count and int(magnitude_bits(tau_N).max()) >= INFINITE_BITS:
        raise ModelDirectoryError(
            f"{part.target.name} is not finite in {part.harmed.path} or {part.base.path}; one of the models is broken"
        )
    return tau_N


def magnitude_bits(tau_N: Tensor) -> Tensor:
    """Give the bit patterns of magnitudes, int32: integers in the same order, which can be counted exactly."""
    return tau_N.view(torch.int32) & 0x7FFFFFFF

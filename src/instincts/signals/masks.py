"""Which tokens of a completion count; the one place that decides it, for training, gates and evaluations alike.

The rule: the end token counts once, because it was drawn from a distribution like any other token; what follows it
never counts. SIRL (arXiv:2510.01088) does not say whether it counts (assumption). Padding is told by position, never by
its id alone: the pad id is often the end token's.
"""

from collections.abc import Collection
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["CountedTokens", "counted_tokens"]


class CountedTokens(NamedTuple):
    """The tokens of a batch of completions that count."""

    counted: Tensor
    """`counted_B_T`, boolean, True where a token counts."""
    ended: Tensor
    """`ended_B`, boolean, True where a completion ended by itself; False: it was truncated."""


def counted_tokens(
    tokens_B_T: Tensor,
    stop_ids: Collection[int],
    *,
    pad_id: int | None = None,
    lengths_B: Tensor | None = None,
) -> CountedTokens:
    """Mark the tokens of each completion up to and including its first end token.

    Args:
        tokens_B_T: completions, prompts cut off, padded on the right.
        stop_ids: every id that ends a completion (Llama 3 has several); empty: none ever ends.
        pad_id: the id of padding. Only a trailing run of it is padding; needed only where a truncated completion was
            padded to a longer neighbour. If it is also a stop id it marks nothing: a truncated completion then looks
            as if it had ended where its padding begins, unless `lengths_B` is given.
        lengths_B: tokens each completion truly holds, its end token included; settles every doubt.

    Returns:
        Masks on the device of the tokens. A completion of nothing but an end token counts that one token.
    """
    place_T = torch.arange(tokens_B_T.shape[1], device=tokens_B_T.device)
    stops = torch.tensor(sorted(stop_ids), dtype=tokens_B_T.dtype, device=tokens_B_T.device)
    real_B_T = torch.ones_like(tokens_B_T, dtype=torch.bool)
    if lengths_B is not None:
        real_B_T = place_T < lengths_B.to(tokens_B_T.device).unsqueeze(1)
    elif pad_id is not None and pad_id not in stop_ids:
        # A later token that is no padding makes this one real: the running "any" from the right.
        real_B_T = (tokens_B_T != pad_id).flip(1).cummax(dim=1).values.flip(1)
    stop_B_T = torch.isin(tokens_B_T, stops) & real_B_T
    earlier_stops_B_T = stop_B_T.cumsum(dim=1) - stop_B_T.long()
    return CountedTokens(real_B_T & (earlier_stops_B_T == 0), stop_B_T.any(dim=1))

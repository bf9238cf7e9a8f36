"""Keeps what a batch has decoded so far, and decides which rows have finished; knows no model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from instincts.errors import ConfigError, ModelDirectoryError
from instincts.models.sampling import Choice

__all__ = ["Decoded", "Record", "StopStrings"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Decoded:
    """One answer, token by token. T counts its tokens, the stop token included."""

    tokens: list[int]
    entropy_T: Tensor  # noqa: N815 - an axis letter, as in every tensor's name
    """Entropy in nats of the distribution each token was drawn from, float32, on the CPU: after temperature, before
    top-p and top-k, over the whole vocabulary. Greedy answers are scored at temperature 1."""
    log_prob_T: Tensor  # noqa: N815 - an axis letter
    """Log-probability in nats of each token under the same distribution, float32, on the CPU."""
    self_certainty_T: Tensor  # noqa: N815 - an axis letter
    """KL from the uniform distribution to the same distribution, in nats, float32, on the CPU (arXiv:2505.19590)."""
    ended: bool
    """True when a stop token or stop string ended it, False when max_tokens or the end of the context cut it off."""
    alternatives: Tensor
    """The K likeliest tokens at each place, likeliest first, [T, K]; K is `Sampling.alternatives`."""
    alternative_log_prob: Tensor
    """Their log-probabilities, [T, K]."""


class Record:
    """The tokens chosen so far, on the CPU, and which rows have finished. NumPy, for torch costs more on tiny arrays.

    R counts all rows of the batch as it began, B those still in it.
    """

    def __init__(self, rooms: Sequence[int], stop_ids: frozenset[int], strings: "StopStrings") -> None:
        self.live_B = np.arange(len(rooms))
        """Where each row of the batch began."""
        self.finished_B = np.zeros(len(rooms), bool)
        self._room_R = np.array(rooms)
        self._length_R = np.zeros(len(rooms), int)
        self._ended_R = np.zeros(len(rooms), bool)
        self._stop_ids = np.array(sorted(stop_ids))
        self._strings = strings
        self._columns: list[NDArray[Any]] = []

    @property
    def all_finished(self) -> bool:
        """Whether no row needs another token."""
        return bool(self.finished_B.all())

    def add(self, choice: Choice, step: int) -> None:
        """Record the token that every row of the batch chose at this step; rows that had finished before ignore it.

        Raises:
            ModelDirectoryError: it was chosen among logits that are not finite.
        """
        chosen = [column.cpu().numpy() for column in choice]
        if np.isnan(chosen[2][~self.finished_B]).any():
            raise ModelDirectoryError(
                f"the model's logits for token {step + 1} of an answer are not finite: its weights are broken, or "
                "overflow; open it in float32, or make it anew"
            )
        if step == 0:
            self._columns = [
                np.zeros((len(self._room_R), _FIRST_STEPS, *column.shape[1:]), column.dtype) for column in chosen
            ]
        elif step == self._columns[0].shape[1]:
            self._columns = [np.concatenate([column, np.zeros_like(column)], axis=1) for column in self._columns]
        for column, values in zip(self._columns, chosen, strict=True):
            column[self.live_B, step] = values

        tokens_B = chosen[0]
        ended_B = (tokens_B[:, None] == self._stop_ids).any(axis=1)
        if self._strings:
            tokens_B_T = self._columns[0][self.live_B, : step + 1]
            ended_B |= [self._strings.end(row) for row in tokens_B_T]
        finished_B = ended_B | (self._room_R[self.live_B] == step + 1)
        new = self.live_B[finished_B & ~self.finished_B]
        self._length_R[new] = step + 1
        self._ended_R[self.live_B[ended_B & ~self.finished_B]] = True
        self.finished_B |= finished_B

    def compact(self) -> NDArray[np.int64] | None:
        """Drop finished rows from the batch where that pays; returns the rows that stay, or None when all do."""
        if np.count_nonzero(self.finished_B) <= _SPARE * len(self.finished_B):
            return None
        kept = np.flatnonzero(~self.finished_B)
        self.live_B, self.finished_B = self.live_B[kept], self.finished_B[kept]
        return kept

    def answers(self) -> list[Decoded]:
        """Cut every row at its own length."""
        return [
            Decoded(
                tokens=columns[0].tolist(),
                entropy_T=torch.from_numpy(columns[1]),
                log_prob_T=torch.from_numpy(columns[2]),
                ended=bool(self._ended_R[row]),
                self_certainty_T=torch.from_numpy(columns[3]),
                alternatives=torch.from_numpy(columns[4]),
                alternative_log_prob=torch.from_numpy(columns[5]),
            )
            for row, length in enumerate(self._length_R)
            for columns in [[column[row, :length].copy() for column in self._columns]]
        ]


class StopStrings:
    """Finds out whether a row has just written a stop string."""

    def __init__(self, strings: Sequence[str], tokenizer: PreTrainedTokenizerBase | None) -> None:
        if strings and tokenizer is None:
            raise ConfigError(f"stop strings {list(strings)} need the model's tokenizer to be found; pass tokenizer=")
        self._strings, self._tokenizer = strings, tokenizer
        # A token writes at least one byte, so a string of n bytes lies within the last n tokens; one more stands before
        # them since some decoders strip a space at the front of what they decode.
        self._reach = max((len(string.encode()) for string in strings), default=0) + 1

    def __bool__(self) -> bool:
        return bool(self._strings)

    def end(self, tokens_T: NDArray[np.int64]) -> bool:
        """Whether one of the strings stands in the last tokens."""
        assert self._tokenizer is not None
        tail = self._tokenizer.decode(tokens_T[-self._reach :].tolist(), skip_special_tokens=True)
        return any(string in tail for string in self._strings)


_FIRST_STEPS = 128

_SPARE = 0.2
"""Finished rows that may stay in a batch: dropping them copies the cache, which a few idle rows do not cost."""

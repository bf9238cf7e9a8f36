"""Decodes answers in batches and records, while doing so, how sure the model was of each token.

Entropy and log-probability are read from the logits that choose the token, so they cost no second forward pass. Prompts
are sorted by length and left-padded, keys and values are cached, and rows that have ended leave the batch. Greedy
decoding takes the same tokens as `generate`; a sampled answer depends on its own seed and not on the batch it sat in,
except where rounding of the forward pass tips a near-tie.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import DynamicCache, PreTrainedModel, PreTrainedTokenizerBase

from instincts.errors import ConfigError, ModelDirectoryError, PromptSetError
from instincts.models.opening import context_length
from instincts.models.sampling import Choice, Sampling, choose, row_seed, uniforms

__all__ = ["Decoded", "Sampling", "answer_room", "decode", "decode_batch", "row_seed"]


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


def decode(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    sampling: Sampling,
    *,
    stop_ids: frozenset[int],
    seeds: Sequence[int] | None = None,
    batch_size: int = 64,
    tokenizer: PreTrainedTokenizerBase | None = None,
    progress: Callable[[int], None] | None = None,
) -> list[Decoded]:
    """Decode one answer a prompt, in as many batches as needed; the answers come in the order of the prompts.

    When an accelerator runs out of memory, the batch is halved and tried again.

    Args:
        model: any decoder-only model, also one in training. Its mode is left as it is: turn dropout off before.
        prompts: token ids; a prefilled answer is simply part of its prompt.
        sampling: how tokens are chosen.
        stop_ids: tokens that end an answer.
        seeds: one a prompt; by default made from `sampling.seed` and the prompt's place.
        batch_size: most rows decoded at once.
        tokenizer: needed for stop strings only.
        progress: called with the number of answers that were just finished.

    Raises:
        PromptSetError: a prompt is empty or leaves no room in the model's context.
    """
    if seeds is None:
        seeds = [row_seed(sampling.seed, row) for row in range(len(prompts))]
    _rooms(model, prompts, sampling.max_tokens)  # before the first batch, not in the middle of the work
    # Longest first: neighbours need little padding, and a batch that does not fit in memory fails at once.
    waiting = sorted(range(len(prompts)), key=lambda row: -len(prompts[row]))
    answers: dict[int, Decoded] = {}
    while waiting:
        rows = waiting[:batch_size]
        try:
            batch = decode_batch(
                model,
                [prompts[row] for row in rows],
                sampling,
                stop_ids=stop_ids,
                seeds=[seeds[row] for row in rows],
                tokenizer=tokenizer,
            )
        except torch.OutOfMemoryError:
            if len(rows) == 1:
                raise
            batch = []
        if not batch:
            # Outside the handler, whose traceback would still hold the tensors of the batch that did not fit.
            torch.cuda.empty_cache()
            batch_size = len(rows) // 2
            continue
        waiting = waiting[len(rows) :]
        answers.update(zip(rows, batch, strict=True))
        if progress is not None:
            progress(len(rows))
    return [answers[row] for row in range(len(prompts))]


def answer_room(model: PreTrainedModel, prompt: Sequence[int], max_tokens: int, name: str = "the prompt") -> int:
    """Tell how many tokens an answer may have: `max_tokens`, or less where the model's context ends before.

    Raises:
        PromptSetError: the prompt is empty or leaves no room in the context.
    """
    if len(prompt) == 0:
        raise PromptSetError(f"{name} is empty; give it at least one token")
    if (context := context_length(model)) is None:
        return max_tokens
    if len(prompt) >= context:
        raise PromptSetError(
            f"{name} has {len(prompt)} tokens and the model's context holds {context}, answer included; "
            "shorten the prompt or choose a model with a longer context"
        )
    return min(max_tokens, context - len(prompt))


@torch.no_grad()
def decode_batch(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    sampling: Sampling,
    *,
    stop_ids: frozenset[int],
    seeds: Sequence[int],
    tokenizer: PreTrainedTokenizerBase | None = None,
) -> list[Decoded]:
    """Decode one batch; arguments and errors as in `decode`, prompts of like length serve best."""
    rooms = _rooms(model, prompts, sampling.max_tokens)
    batch = _Batch(model, prompts, max(rooms))
    record = _Record(rooms, stop_ids, _StopStrings(sampling.stop, tokenizer))
    uniform_B_T = uniforms(seeds, max(rooms)) if sampling.temperature > 0 else None
    logits_B_V = batch.start()
    for step in range(max(rooms)):
        uniform_B = None
        if uniform_B_T is not None:
            uniform_B = torch.from_numpy(uniform_B_T[record.live_B, step]).to(logits_B_V.device)
        choice = choose(logits_B_V, uniform_B, sampling)
        record.add(choice, step)
        if record.all_finished:
            break
        tokens_B = choice.tokens
        if (kept := record.compact()) is not None:
            tokens_B = tokens_B[batch.take(kept)]
        logits_B_V = batch.advance(tokens_B)
    return record.answers()


class _Batch:
    """The rows still decoding: what the model has seen of them, as a cache, and where their padding lies."""

    def __init__(self, model: PreTrainedModel, prompts: Sequence[Sequence[int]], room: int) -> None:
        # Rows with one prompt (the samples of a group) are read once, and the cache is spread over them afterwards.
        distinct = {tuple(prompt): place for place, prompt in enumerate(dict.fromkeys(map(tuple, prompts)))}
        self._spread = np.array([distinct[tuple(prompt)] for prompt in prompts])
        width = max(map(len, distinct))
        padded, attended = np.zeros((len(distinct), width), np.int64), np.ones((len(distinct), width + room), np.int64)
        for prompt, place in distinct.items():
            padded[place, width - len(prompt) :] = prompt
            attended[place, : width - len(prompt)] = 0
        self._model, self._seen = model, 0
        self._prompts_B_T = torch.from_numpy(padded).to(model.device)
        self._attended_B_T = torch.from_numpy(attended).to(model.device)
        self._position_B_T = (self._attended_B_T.cumsum(dim=1) - 1).clamp_min_(0)
        self._cache = DynamicCache(config=model.config)

    def start(self) -> Tensor:
        """Show the prompts to the model; returns `logits_B_V` of the first token of each row."""
        logits_B_V = self._read(self._prompts_B_T)
        if self._cache.get_seq_length() != self._seen:
            raise ModelDirectoryError(
                "the model keeps no keys and values, so it cannot be decoded from; is gradient checkpointing on in "
                "train mode? call model.eval() first"
            )
        if len(self._spread) == len(self._prompts_B_T):
            return logits_B_V
        return logits_B_V[self.take(self._spread)]

    def advance(self, tokens_B: Tensor) -> Tensor:
        """Show one more token a row to the model; returns `logits_B_V` of the next."""
        return self._read(tokens_B[:, None])

    def take(self, rows: NDArray[np.int64]) -> Tensor:
        """Make these rows the batch, in this order, a row as often as it is named; returns them as an index."""
        index = torch.from_numpy(rows).to(self._attended_B_T.device)
        self._cache.batch_select_indices(index)
        self._attended_B_T = self._attended_B_T[index]
        self._position_B_T = self._position_B_T[index]
        return index

    def _read(self, ids_B_T: Tensor) -> Tensor:
        begin, self._seen = self._seen, self._seen + ids_B_T.shape[1]
        logits_B_1_V: Tensor = self._model(
            input_ids=ids_B_T,
            attention_mask=self._attended_B_T[:, : self._seen],
            position_ids=self._position_B_T[:, begin : self._seen],
            past_key_values=self._cache,
            use_cache=True,
            logits_to_keep=1,
        ).logits
        return logits_B_1_V[:, -1]


class _Record:
    """The tokens chosen so far, on the CPU, and which rows have finished. NumPy, for torch costs more on tiny arrays.

    R counts all rows of the batch as it began, B those still in it.
    """

    def __init__(self, rooms: Sequence[int], stop_ids: frozenset[int], strings: "_StopStrings") -> None:
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
        """Record the token that every row of the batch chose at this step; rows that had finished before ignore it."""
        chosen = [column.cpu().numpy() for column in choice]
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


class _StopStrings:
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


def _rooms(model: PreTrainedModel, prompts: Sequence[Sequence[int]], max_tokens: int) -> list[int]:
    return [answer_room(model, prompt, max_tokens, f"prompt {row}") for row, prompt in enumerate(prompts)]


_FIRST_STEPS = 128

_SPARE = 0.2
"""Finished rows that may stay in a batch: dropping them copies the cache, which a few idle rows do not cost."""

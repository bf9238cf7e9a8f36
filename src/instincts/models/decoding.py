"""Decodes answers in batches and records, while doing so, how sure the model was of each token.

Entropy and log-probability are read from the logits that choose the token, so they cost no second forward pass. Prompts
are sorted by length and left-padded, keys and values are cached, and rows that have ended leave the batch. Greedy
decoding takes the same tokens as `generate`; a sampled answer depends on its own seed and not on the batch it sat in,
except where rounding of the forward pass tips a near-tie.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import DynamicCache, PreTrainedModel, PreTrainedTokenizerBase

from instincts.errors import ModelDirectoryError, PromptSetError
from instincts.models.opening import context_length
from instincts.models.record import Decoded, Record, StopStrings
from instincts.models.sampling import Sampling, choose, row_seed, uniforms

__all__ = ["Decoded", "Sampling", "answer_room", "decode", "decode_batch", "row_seed"]


def decode(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    sampling: Sampling,
    *,
    stop_ids: frozenset[int],
    seeds: Sequence[int] | None = None,
    batch_size: int = 64,
    tokenizer: PreTrainedTokenizerBase | None = None,
    progress: Callable[[int, int], None] | None = None,
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
        progress: called after each batch with answers done and answers in all.

    Raises:
        PromptSetError: a prompt is empty or leaves no room in the model's context.
        ModelDirectoryError: the model's logits are not finite, or it keeps no cache.
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
            progress(len(answers), len(prompts))
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
    record = Record(rooms, stop_ids, StopStrings(sampling.stop, tokenizer))
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


def _rooms(model: PreTrainedModel, prompts: Sequence[Sequence[int]], max_tokens: int) -> list[int]:
    return [answer_room(model, prompt, max_tokens, f"prompt {row}") for row, prompt in enumerate(prompts)]

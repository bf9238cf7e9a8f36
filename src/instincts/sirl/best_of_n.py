"""Best of N by confidence: sample N answers and keep the one with the lowest mean entropy. No training, no judge.

The published control (about 93 % DSR from 16 samples where SIRL reaches 99 %) and a defence of its own at N times the
cost. The lowest entropy is not the best answer in general: on benign prompts it prefers the tersest and surest.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from instincts.errors import ConfigError
from instincts.models.decoding import Decoded, Sampling, decode, row_seed
from instincts.models.opening import OpenModel, open_model
from instincts.prompts import Prompt, read_prompts
from instincts.records import write_text
from instincts.sirl.preflight import prompt_ids_of

__all__ = ["SampledAnswer", "best_of_n", "sample"]

FIRST_K = 5
"""Tokens of the opening whose entropy is reported beside the whole answer's."""


@dataclass(frozen=True, kw_only=True)
class SampledAnswer:
    """An answer with its confidence."""

    id: str
    """The prompt's id."""
    prompt: str
    """The last thing the user says."""
    completion: str
    mean_entropy: float
    """Nats a token, over the whole answer, the end token included."""
    first_k_entropy: float
    """Nats a token, over the first five tokens."""
    mean_log_prob: float
    """Nats a token."""
    tokens: int
    """Length of the answer."""
    ended: bool
    """False for an answer cut off at the limit."""
    of: int
    """How many answers it was chosen from."""


def best_of_n(answers: Sequence[Decoded]) -> int:
    """Choose the complete answer with the lowest mean entropy; the lowest of all where none is complete.

    A cut-off answer is passed over: its mean is that of another, longer answer, and endless repetition is near 0.
    """
    return min(range(len(answers)), key=lambda i: (not answers[i].ended, float(answers[i].entropy_T.mean())))


def sample(
    model: str,
    prompts: str,
    *,
    best_of: int = 1,
    temperature: float = 1.0,
    max_tokens: int = 512,
    seed: int = 0,
    limit: int | None = None,
    out: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[SampledAnswer]:
    """Answer every prompt and say how sure the model was; with `best_of` N keep the surest of N.

    Args:
        model: a pocket model, a hub id or a model directory.
        prompts: a prompts file or the name of a built-in set.
        best_of: answers to choose from, N.
        temperature: sampling temperature; 0 is greedy, where all N would be the same.
        max_tokens: longest answer.
        seed: the same seed gives the same answers.
        limit: only the first so many prompts.
        out: a JSONL file to write the answers to.
        progress: called with answers done and answers in all.

    Raises:
        ConfigError: N below 1, or several greedy answers.
        ModelDirectoryError, PromptSetError: bad input, by name.
    """
    if best_of < 1:
        raise ConfigError(f"the best of {best_of} answers cannot be chosen; give --best-of 1 or more")
    if best_of > 1 and temperature == 0:
        raise ConfigError("greedy answers are all the same; give a temperature above 0 with --best-of")
    rows = read_prompts(prompts).limit(limit).rows
    opened = open_model(model)
    answers = decode(
        opened.model,
        [ids for ids in prompt_ids_of(opened.tokenizer, rows, None) for _ in range(best_of)],
        Sampling(temperature=temperature, max_tokens=max_tokens),
        stop_ids=opened.stop_ids,
        seeds=[row_seed(seed, prompt.id, number) for prompt in rows for number in range(best_of)],
        progress=progress,
    )
    groups = [answers[start : start + best_of] for start in range(0, len(answers), best_of)]
    chosen = [_sampled(opened, prompt, group) for prompt, group in zip(rows, groups, strict=True)]
    if out is not None:
        write_text(out, "".join(json.dumps(asdict(answer), ensure_ascii=False) + "\n" for answer in chosen))
    return chosen


def _sampled(opened: OpenModel, prompt: Prompt, group: Sequence[Decoded]) -> SampledAnswer:
    answer = group[best_of_n(group)]
    return SampledAnswer(
        id=prompt.id,
        prompt=prompt.request,
        completion=str(opened.tokenizer.decode(answer.tokens, skip_special_tokens=True)),
        mean_entropy=float(answer.entropy_T.mean()),
        first_k_entropy=float(answer.entropy_T[:FIRST_K].mean()),
        mean_log_prob=float(answer.log_prob_T.mean()),
        tokens=len(answer.tokens),
        ended=answer.ended,
        of=len(group),
    )

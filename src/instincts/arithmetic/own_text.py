"""Text that a model writes by itself: prefixes to stand before a question, and chats to read keys from.

So an edit needs no text but its own fact. A chat model that is shown nothing but the beginning of a chat writes a
question and goes on (as in arXiv:2406.08464); any other begins a text. Knows tokens and decoding, no edit.
"""

from functools import partial

from instincts.arithmetic.asking import text_start
from instincts.arithmetic.streaming import Progress
from instincts.models.decoding import Sampling, decode
from instincts.models.opening import OpenModel

__all__ = ["own_texts", "prefixes"]

OPENINGS = ("The", "Therefore", "Because", "I", "You")
"""Words that prefixes begin with, those of EasyEdit."""

LENGTHS = (5, 10)
"""Tokens of a prefix, EasyEdit's."""

_LENGTH = 64


def prefixes(opened: OpenModel, count: int, seed: int = 0) -> list[str]:
    """Sample short texts to stand before a question.

    Args:
        opened: the model that writes them.
        count: how many of each length.
        seed: the same seed gives the same texts.
    """
    found: list[str] = []
    tokenizer, start = opened.tokenizer, text_start(opened.tokenizer)
    words = [OPENINGS[number % len(OPENINGS)] for number in range(count)]
    starts = [[*start, *tokenizer(word, add_special_tokens=False)["input_ids"]] for word in words]
    for length in LENGTHS:
        for text in _sample(opened, starts, length - 1, seed + length, None):
            written = str(tokenizer.decode(text[len(start) :], skip_special_tokens=True))
            found.append(" ".join(written.split()))
    return found


def own_texts(opened: OpenModel, tokens: int, seed: int = 0, progress: Progress | None = None) -> list[list[int]]:
    """Sample texts of 64 tokens at most, about `tokens` in all; the token ids of each."""
    start = text_start(opened.tokenizer) or sorted(opened.stop_ids)[:1]
    starts = [start] * max(1, tokens // _LENGTH)
    return _sample(opened, starts, _LENGTH, seed, progress)


def _sample(
    opened: OpenModel, starts: list[list[int]], length: int, seed: int, progress: Progress | None
) -> list[list[int]]:
    if not starts:
        return []
    report = partial(progress, "writing text of its own") if progress is not None else None
    # No token ends a text here: a turn that ended is followed by the next.
    answers = decode(
        opened.model, starts, Sampling(max_tokens=length, seed=seed), stop_ids=frozenset(), progress=report
    )
    return [[*start, *answer.tokens] for start, answer in zip(starts, answers, strict=True)]

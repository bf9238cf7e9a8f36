"""How repetitive one completion is, and how alike many are: the meters of stock-phrase collapse and of loops.

Confidence rewards pay for narrow distributions, and nothing is narrower than a loop or one closing sentence for all
(arXiv:2510.01088 has no guard; reviewers ask for one). Plain lists of tokens and texts, no tensors.
"""

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence

__all__ = ["distinct_n", "repetition", "top_phrase_share"]


def distinct_n(completions: Iterable[Sequence[Hashable]], n: int = 2) -> float | None:
    """Share of different n-grams among all n-grams of many completions (distinct-n, Li et al. 2016, arXiv:1510.03055).

    It falls as more completions are pooled, so compare equal numbers of them.

    Args:
        completions: token ids or words of each completion; n-grams never span two of them.
        n: words in a phrase.

    Returns:
        A fraction above 0, 1 where no phrase occurs twice; None where no completion is n tokens long.
    """
    phrases = [phrase for tokens in completions for phrase in _ngrams(tokens, n)]
    return len(set(phrases)) / len(phrases) if phrases else None


def repetition(tokens: Sequence[Hashable], n: int = 4) -> float:
    """Share of a completion's n-grams that occurred in it before (repetition, Welleck et al. 2019, arXiv:1908.04319).

    Returns:
        A fraction, 0 where nothing repeats (or there are fewer than n tokens), towards 1 in a loop.
    """
    phrases = _ngrams(tokens, n)
    return 1 - len(set(phrases)) / len(phrases) if phrases else 0.0


def top_phrase_share(texts: Iterable[str], words: int = 4, *, closing: bool = False) -> float | None:
    """Share of texts that open (or close) with the commonest opening (or closing): 1 where all use one stock phrase.

    Args:
        texts: completions as text; empty ones count as an opening of their own.
        words: how many words, separated by white space, make the phrase; a shorter text is taken whole.
        closing: look at the last words, where a stock offer of help hides, instead of the first.

    Returns:
        A fraction; None for no texts.
    """
    pieces = [text.split() for text in texts]
    phrases = Counter(tuple(piece[-words:] if closing else piece[:words]) for piece in pieces)
    return max(phrases.values()) / len(pieces) if pieces else None


def _ngrams(tokens: Sequence[Hashable], n: int) -> list[tuple[Hashable, ...]]:
    if n < 1:
        raise ValueError(f"n = {n}: a phrase has at least one token")
    return [tuple(tokens[start : start + n]) for start in range(len(tokens) - n + 1)]

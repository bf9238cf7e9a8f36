"""The probability behind a guard's word: a two-way softmax at the token that decides."""

from collections.abc import Collection
from math import exp

from instincts.judges.asking import Reply, Token

__all__ = ["probability"]


def probability(reply: Reply, yes: str, no: str, *, after: str = "") -> float | None:
    """Weigh the word for harm against the word for none, at the first token with text after the words before it.

    A word that a tokenizer cuts into pieces is known by its first piece. Newlines before a verdict are skipped: Llama
    Guard 3 writes two.

    Args:
        reply: with log-probs.
        yes: what the guard writes for harm, lower case.
        no: what it writes for none, lower case; it begins with another letter.
        after: what stands before the verdict, lower case; nothing if the reply begins with it.

    Returns:
        P(yes) / (P(yes) + P(no)); None without log-probs, or where neither word is among them.
    """
    token = _deciding(reply.tokens, after)
    if token is None:
        return None
    weights = {token.text: token.log_prob, **token.others}
    harm, none = _weight(weights, yes), _weight(weights, no)
    return harm / (harm + none) if harm + none > 0 else None


def _deciding(tokens: Collection[Token], after: str) -> Token | None:
    before = ""
    for token in tokens:
        if token.text.strip() and before.rstrip().endswith(after):
            return token
        before += token.text.casefold()
    return None


def _weight(log_probs: dict[str, float], word: str) -> float:
    pieces = ((text.strip().casefold(), value) for text, value in log_probs.items())
    return sum(exp(value) for piece, value in pieces if piece and word.startswith(piece))

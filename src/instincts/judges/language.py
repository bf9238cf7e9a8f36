"""Is a text English, as far as its most frequent words tell? For a judge of English that must not guess at others.

Scripts other than Latin are told by their letters. Languages in Latin letters are told by counting function words; the
lists hold the larger ones, so a text in another language may pass for English with no word known of any.
"""

import re
import unicodedata
from functools import cache
from importlib.resources import files

__all__ = ["WORDS_FILE", "is_english"]

WORDS_FILE = "function-words-1.txt"

WORDS_READ = 60
"""Enough to tell; a quotation further down is none of the opening."""

FEWEST = 2
"""One foreign word, or letter, is a name or a quotation."""


def is_english(text: str) -> bool:
    """Say whether a text is English, or too short or too odd to be anything: code, a number, a name."""
    letters = [letter for letter in text if letter.isalpha()]
    foreign = sum("LATIN" not in unicodedata.name(letter, "") for letter in letters)
    if foreign >= FEWEST and foreign > 0.5 * len(letters):
        return False
    words = re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)?", text.replace("’", "'").casefold())[:WORDS_READ]
    hits = {language: sum(word in known for word in words) for language, known in _function_words().items()}
    most = max(count for language, count in hits.items() if language != "en")
    return most < FEWEST or most <= hits["en"]


@cache
def _function_words() -> dict[str, frozenset[str]]:
    text = files("instincts.judges").joinpath("templates", WORDS_FILE).read_text(encoding="utf-8")
    lines = [line.split() for line in text.splitlines() if line and not line.startswith("#")]
    english = next(frozenset(words) for language, *words in lines if language == "en")
    return {language: frozenset(words) - (frozenset() if language == "en" else english) for language, *words in lines}

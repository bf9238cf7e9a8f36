"""Right or wrong, for tasks with one exact answer."""

import re
import unicodedata

__all__ = ["is_right"]


def is_right(completion: str, target: str) -> bool:
    """Say whether an answer is its target, blank for blank once case, spacing and closing punctuation are put aside."""
    return _normalised(completion) == _normalised(target)


def _normalised(text: str) -> str:
    plain = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    return re.sub(r"[\s.!?,;:]+$", "", plain)

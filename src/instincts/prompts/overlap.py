"""Rows of one set that occur in another, word for word or nearly; knows no file and no model.

Exact: equal once case, punctuation and spacing are put aside. Near: at least half of the words in common (Jaccard of
the word sets without stop words), or 0.7 of the five-letter pieces. Both thresholds are customary, not measured. Both
are computed, not estimated: a similarity join with prefix filters (Chaudhuri et al. 2006) finds what comparing every
pair finds. MinHash, the usual estimate, was left out: at these sizes exact is fast enough.
"""

import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from instincts.prompts.promptset import PromptSet

__all__ = [
    "NEAR_PIECES",
    "NEAR_WORDS",
    "Overlap",
    "normalised",
    "overlaps",
    "pieces",
    "repetitions",
    "similar_pairs",
    "words",
]

NEAR_WORDS = 0.5
NEAR_PIECES = 0.7


class Overlap(NamedTuple):
    """A row of the one set that the other one has too."""

    id: str
    other_id: str
    """The most alike row of the other set."""
    kind: Literal["exact", "near"]
    likeness: float
    """Jaccard index of words or of pieces, whichever is larger; 1 where exact."""


def overlaps(tested: PromptSet, trained: PromptSet) -> list[Overlap]:
    """Find every prompt of `tested` that `trained` holds, each once, with its closest match.

    Requests are compared, the last thing the user says, and for a benchmark with agreeing openings those too.
    """
    ours = [(row.id, text) for row in tested for text in (row.request, row.metadata.get("opening")) if text]
    theirs = [(row.id, row.request) for row in trained]
    best: dict[str, Overlap] = {}
    for at, other, likeness, is_exact in _matches([text for _, text in ours], [text for _, text in theirs]):
        id = ours[at][0]
        found = Overlap(id, theirs[other][0], "exact" if is_exact else "near", likeness)
        if id not in best or _rank(found) > _rank(best[id]):
            best[id] = found
    return [best[row.id] for row in tested if row.id in best]


def repetitions(prompts: PromptSet) -> list[Overlap]:
    """Find every prompt that an earlier one of the set repeats, exactly or nearly."""
    rows = prompts.rows
    texts = [row.request for row in rows]
    best: dict[int, Overlap] = {}
    for at, other, likeness, is_exact in _matches(texts, texts):
        if other < at:
            found = Overlap(rows[at].id, rows[other].id, "exact" if is_exact else "near", likeness)
            if at not in best or _rank(found) > _rank(best[at]):
                best[at] = found
    return [best[at] for at in sorted(best)]


def normalised(text: str) -> str:
    """Put case, punctuation and spacing aside."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(re.sub(r"[\W_]+", " ", plain).split())


def words(text: str) -> frozenset[str]:
    """Take the words of a text but the commonest; all of them where nothing else is left."""
    found = frozenset(normalised(text).split())
    return found - _STOP_WORDS or found


def pieces(text: str) -> frozenset[str]:
    """Cut a text into all its runs of five letters, blanks included."""
    plain = normalised(text)
    return frozenset(plain[at : at + 5] for at in range(max(len(plain) - 4, 1))) if plain else frozenset()


def similar_pairs(
    left: Sequence[frozenset[str]], right: Sequence[frozenset[str]], threshold: float
) -> list[tuple[int, int, float]]:
    """Find every pair whose Jaccard index reaches a threshold above 0, exactly.

    Two sets that are that alike share one of the first |x| - ceil(t |x|) + 1 members of each, in any common order; with
    the rarest first, few pairs share one and only those are compared.

    Returns:
        (place in `left`, place in `right`, Jaccard index), in the order of `left` and `right`.
    """
    rarity = Counter(member for group in (*left, *right) for member in group)
    holders = defaultdict[str, list[int]](list)
    for place, members in enumerate(right):
        for member in _prefix(members, rarity, threshold):
            holders[member].append(place)
    sizes = [len(members) for members in right]
    found = []
    for at, members in enumerate(left):
        size = len(members)
        candidates = {place for member in _prefix(members, rarity, threshold) for place in holders.get(member, ())}
        for place in sorted(candidates):
            # Sets of very different size cannot be alike.
            if min(size, sizes[place]) < threshold * max(size, sizes[place]):
                continue
            shared = len(members & right[place])
            likeness = shared / (size + sizes[place] - shared)
            if likeness >= threshold:
                found.append((at, place, likeness))
    return found


def _prefix(members: Iterable[str], rarity: Counter[str], threshold: float) -> list[str]:
    ordered = sorted(members, key=lambda member: (rarity[member], member))
    # A little below the bound: rounding must not lose a pair that lies on it.
    return ordered[: len(ordered) - math.ceil(threshold * len(ordered) - 1e-9) + 1]


def _matches(left: Sequence[str], right: Sequence[str]) -> list[tuple[int, int, float, bool]]:
    """List (place in left, place in right, likeness, is exact) of every pair that is alike."""
    plain_left, plain_right = [normalised(text) for text in left], [normalised(text) for text in right]
    likeness: dict[tuple[int, int], float] = {}
    for cut, threshold in ((words, NEAR_WORDS), (pieces, NEAR_PIECES)):
        for at, other, value in similar_pairs([cut(text) for text in left], [cut(text) for text in right], threshold):
            likeness[at, other] = max(value, likeness.get((at, other), 0.0))
    return [(at, other, value, plain_left[at] == plain_right[other]) for (at, other), value in sorted(likeness.items())]


def _rank(found: Overlap) -> tuple[bool, float]:
    return found.kind == "exact", found.likeness


_STOP_WORDS = frozenset(
    normalised(
        "a about an and are as at be by can could do does for from give how i in is it me my of on or should tell that "
        "the this to was what when where which who why will with would write you your"
    ).split()
)

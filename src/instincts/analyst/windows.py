"""A long text in overlapping windows, each read by itself: what is short enough stands whole in one of them.

A harmful request in the middle of much else is overlooked where all is read at once, and an analyst's context is
finite. Of an answer only the answer is cut into windows; each has the end of what was asked before it. Knows no model.
"""

from collections.abc import Iterator, Sequence

from instincts.analyst.settings import Subject
from instincts.prompts import Message

__all__ = ["OVERLAP", "length", "windows"]

OVERLAP = 0.2
"""Share of a window that the next one holds too; our choice."""


def length(turns: Sequence[Message]) -> int:
    """Count the characters of all turns."""
    return sum(len(turn.content) for turn in turns)


def windows(turns: Sequence[Message], size: int, subject: Subject) -> list[tuple[Message, ...]]:
    """Cut turns into windows of at most so many characters; turns that fit stay one.

    Each piece of a turn keeps its role. Whatever is no longer than `int(OVERLAP * size)` stands whole in a window, half
    of that in an answer's, where the other half of each is kept for the end of what was asked.
    """
    if length(turns) <= size:
        return [tuple(turns)]
    if subject != "response":
        total = length(turns)
        return [tuple(_between(turns, start, start + size)) for start in _starts(total, size)]
    *asked, answer = turns
    before = tuple(_between(asked, max(length(asked) - size // 2, 0), length(asked)))
    room = size - length(before)
    return [(*before, piece) for start in _starts(len(answer.content), room)
            for piece in _between([answer], start, start + room)]  # fmt: skip


def _starts(total: int, size: int) -> Iterator[int]:
    step = max(size - int(OVERLAP * size), 1)
    start = 0
    while start + size < total:
        yield start
        start += step
    # The last window is a full one too, unless there is only one.
    yield max(total - size, 0)


def _between(turns: Sequence[Message], start: int, end: int) -> Iterator[Message]:
    """Cut what lies between two characters, counted over all turns."""
    for turn in turns:
        piece = turn.content[max(start, 0) : max(end, 0)]
        if piece:
            yield Message(turn.role, piece)
        start, end = start - len(turn.content), end - len(turn.content)

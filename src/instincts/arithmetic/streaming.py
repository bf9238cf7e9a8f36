"""Cuts tensors into pieces and works on a few at a time; bounds the memory of everything in this room."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

__all__ = ["PIECE", "Progress", "counter", "in_order", "pieces"]

PIECE = 1 << 20
"""Entries of one piece. Larger ones fall out of the processor's caches and are slower."""

Progress = Callable[[str, int, int], None]
"""Told what is under way, how much of it is done, and how much there is."""

T = TypeVar("T")
R = TypeVar("R")


def pieces(entries: int, size: int = PIECE) -> Iterator[tuple[int, int]]:
    """Cut a run of entries into (start, count) pairs."""
    return ((start, min(size, entries - start)) for start in range(0, entries, size))


def counter(stage: str, total: int, progress: Progress | None) -> Callable[[int], None]:
    """Make a function that is told how much more of a stage is done, in units of a million (2^20)."""
    done = 0

    def report(more: int) -> None:
        nonlocal done
        done += more
        if progress is not None:
            progress(stage, done >> 20, total >> 20)

    return report


def in_order(work: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """Work on items in a few threads and give the results in the order of the items.

    Reading a file and torch's arithmetic both release the interpreter lock. At most two results a thread wait, so the
    memory does not grow with the number of items.
    """
    workers = min(4, os.cpu_count() or 1)
    with ThreadPoolExecutor(workers) as pool:
        waiting: deque[Future[R]] = deque()
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) >= 2 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()

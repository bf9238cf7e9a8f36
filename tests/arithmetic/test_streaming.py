"""Pieces, a few at a time and in order."""

import threading
import time

import pytest

from instincts.arithmetic.streaming import counter, in_order, pieces


def test_pieces_cover_everything_once() -> None:
    assert list(pieces(10, 4)) == [(0, 4), (4, 4), (8, 2)]
    assert list(pieces(8, 4)) == [(0, 4), (4, 4)]
    assert list(pieces(0, 4)) == []


def test_results_come_in_the_order_of_the_items() -> None:
    """Earlier items take longer."""

    def work(item: int) -> int:
        time.sleep((20 - item) / 2000)
        return item

    assert list(in_order(work, range(20))) == list(range(20))


def test_few_results_wait() -> None:
    """Whoever consumes nothing holds up the work: at most eight results wait for four threads."""
    begun = []
    lock = threading.Lock()

    def work(item: int) -> int:
        with lock:
            begun.append(item)
        return item

    results = in_order(work, range(1000))
    assert next(results) == 0
    time.sleep(0.05)
    assert len(begun) <= 8


def test_an_error_comes_through_and_ends_the_work() -> None:
    begun = []

    def work(item: int) -> int:
        begun.append(item)
        return 1 // (5 - item)

    with pytest.raises(ZeroDivisionError):
        list(in_order(work, range(1000)))
    assert len(begun) < 50


def test_a_counter_counts_millions() -> None:
    told = []
    report = counter("writing", 3 << 20, lambda *words: told.append(words))
    for _ in range(6):
        report(1 << 19)

    assert told == [("writing", done, 3) for done in (0, 1, 1, 2, 2, 3)]

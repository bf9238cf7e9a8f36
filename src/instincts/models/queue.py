"""Gathers requests that arrive one by one into batches, and decodes them in a thread of their own; knows no Inspect.

A request waits until the batch is full or until no other has come for a moment. The moment is a tenth of what the last
batch took, so that waiting never costs much and a batch that is worth filling is filled. The thread lives only while
there is work: an abandoned queue holds no model in memory.
"""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from instincts.models.decoding import Decoded, Sampling, decode
from instincts.models.opening import OpenModel

__all__ = ["BatchQueue"]

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, eq=False)
class _Request:
    opened: OpenModel
    prompt: Sequence[int]
    sampling: Sampling
    seed: int
    future: "Future[Decoded]" = field(default_factory=Future)


class BatchQueue:
    """Requests waiting to be decoded, and the thread that decodes them."""

    def __init__(self, batch_size: int, shortest_pause: float = 0.03) -> None:
        """Begin with no request.

        Args:
            batch_size: most answers decoded at once.
            shortest_pause: seconds without a request after which a batch that is not full goes, before any batch has
                shown how long one takes; never less afterwards.
        """
        self.batch_size = batch_size
        self._waiting: list[_Request] = []
        self._changed = threading.Condition()
        self.working = False
        self._full = batch_size
        self._shortest_pause = self._pause = shortest_pause
        self._using = threading.Lock()
        self._worker: ThreadPoolExecutor | None = None

    def submit(
        self, opened: OpenModel, prompt: Sequence[int], sampling: Sampling, seed: int, expected: int
    ) -> "Future[Decoded]":
        """Ask for one answer; the future gives it, or the error that its batch met.

        Args:
            opened: the model to ask.
            prompt: token ids.
            sampling: how tokens are chosen; its own seed is not used.
            seed: the row's seed.
            expected: how many requests the caller keeps open at most; so many fill a batch.
        """
        request = _Request(opened=opened, prompt=prompt, sampling=sampling, seed=seed)
        with self._changed:
            self._waiting.append(request)
            self._full = min(expected, self.batch_size)
            if not self.working:
                self.working = True
                threading.Thread(target=self._work, name="instincts-decode", daemon=True).start()
            if len(self._waiting) >= self._full:
                self._changed.notify()
        return request.future

    def run_alone(self, opened: OpenModel, work: Callable[[OpenModel], T]) -> "Future[T]":
        """Do something else with the model, one at a time and never while a batch is decoded."""
        if self._worker is None:
            # A thread of its own, so that those who wait for their turn do not fill everybody's pool of threads.
            self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="instincts-alone")

        def alone() -> T:
            with self._using:
                return work(opened)

        return self._worker.submit(alone)

    def _work(self) -> None:
        while batch := self._next_batch():
            started = time.monotonic()
            self._answer(batch)
            took = time.monotonic() - started
            self._pause = max(min(_PAUSE_SHARE * took, _LONGEST_PAUSE), self._shortest_pause)

    def _next_batch(self) -> list[_Request]:
        """Wait for a full batch or for a lull; an empty batch means that the thread may end."""
        with self._changed:
            arrived = -1
            while arrived < len(self._waiting) < self._full:
                arrived = len(self._waiting)
                self._changed.wait(self._pause)
            if not self._waiting:
                self.working = False
                return []
            # Only requests that share a model and its settings can share a batch; the eldest decides which.
            first = self._waiting[0]
            alike = [
                request
                for request in self._waiting
                if request.opened is first.opened and request.sampling == first.sampling
            ][: self.batch_size]
            self._waiting = [request for request in self._waiting if request not in alike]
        return alike

    def _answer(self, batch: list[_Request]) -> None:
        # A request whose caller has gone (a time limit, Ctrl-C) is not worth decoding.
        batch = [request for request in batch if request.future.set_running_or_notify_cancel()]
        if not batch:
            return
        opened = batch[0].opened
        try:
            with self._using:
                answers = decode(
                    opened.model,
                    [request.prompt for request in batch],
                    batch[0].sampling,
                    stop_ids=opened.stop_ids,
                    seeds=[request.seed for request in batch],
                    batch_size=self.batch_size,
                    tokenizer=opened.tokenizer,
                )
        except Exception as error:  # noqa: BLE001 - handed to every caller that waits for it
            for request in batch:
                request.future.set_exception(error)
        else:
            for request, answer in zip(batch, answers, strict=True):
                request.future.set_result(answer)


_LONGEST_PAUSE = 0.5
_PAUSE_SHARE = 0.1

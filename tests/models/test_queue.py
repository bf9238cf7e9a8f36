import time
from concurrent.futures import wait
from typing import Any

import pytest
import torch

from instincts.models.decoding import Sampling, decode
from instincts.models.opening import OpenModel, open_model
from instincts.models.queue import BatchQueue
from tests.tiny import save_tiny

SAMPLING = Sampling(max_tokens=6)
PATIENT = 60.0
"""Seconds: a batch goes because it is full, however slow the machine is."""
PROMPTS = [[5, 6, 7], [8], [9, 10], [11, 12, 13, 14]]


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> OpenModel:
    return open_model(str(save_tiny(tmp_path_factory.mktemp("queue") / "model")))


@pytest.fixture
def sizes(opened: OpenModel) -> Any:
    """Rows of every prefill: one entry a batch."""
    seen: list[int] = []

    def note(_: torch.nn.Module, __: tuple[Any, ...], inputs: dict[str, Any]) -> None:
        if inputs["past_key_values"].get_seq_length() == 0:
            seen.append(len(inputs["input_ids"]))

    hook = opened.model.register_forward_pre_hook(note, with_kwargs=True)
    yield seen
    hook.remove()


def test_an_answer_is_the_decoders_own(opened: OpenModel) -> None:
    queue = BatchQueue(4, PATIENT)
    futures = [queue.submit(opened, prompt, SAMPLING, seed, 4) for seed, prompt in enumerate(PROMPTS)]
    expected = decode(opened.model, PROMPTS, SAMPLING, stop_ids=opened.stop_ids, seeds=range(4))
    assert [future.result().tokens for future in futures] == [answer.tokens for answer in expected]


def test_requests_that_come_together_share_a_batch(opened: OpenModel, sizes: list[int]) -> None:
    queue = BatchQueue(4, PATIENT)
    wait([queue.submit(opened, prompt, SAMPLING, 0, 4) for prompt in PROMPTS])
    assert sizes == [4]


def test_a_batch_that_never_fills_goes_after_a_lull(opened: OpenModel, sizes: list[int]) -> None:
    BatchQueue(64).submit(opened, PROMPTS[0], SAMPLING, 0, 64).result(timeout=PATIENT)
    assert sizes == [1]


def test_no_batch_is_larger_than_allowed(opened: OpenModel, sizes: list[int]) -> None:
    queue = BatchQueue(3)
    wait([queue.submit(opened, prompt, SAMPLING, 0, 8) for prompt in PROMPTS])
    assert max(sizes) <= 3
    assert sum(sizes) == 4


def test_requests_with_other_settings_do_not_share_a_batch(opened: OpenModel, sizes: list[int]) -> None:
    queue = BatchQueue(4)
    futures = [
        queue.submit(opened, prompt, sampling, 0, 4)
        for prompt, sampling in zip(PROMPTS, [SAMPLING, Sampling(max_tokens=2)] * 2, strict=True)
    ]
    assert [len(future.result().tokens) for future in futures] == [6, 2, 6, 2]
    assert max(sizes) <= 2


def test_an_error_reaches_every_request_of_its_batch_and_no_other(opened: OpenModel) -> None:
    queue = BatchQueue(2, PATIENT)
    broken = [queue.submit(opened, [10**6], SAMPLING, 0, 2) for _ in range(2)]
    assert all(isinstance(future.exception(), IndexError) for future in broken)
    assert len(queue.submit(opened, PROMPTS[0], SAMPLING, 0, 1).result().tokens) == 6


def test_a_cancelled_request_is_not_decoded(opened: OpenModel, sizes: list[int]) -> None:
    queue = BatchQueue(4, PATIENT)
    futures = [queue.submit(opened, prompt, SAMPLING, 0, 4) for prompt in PROMPTS[:3]]
    assert futures[0].cancel()
    wait([*futures[1:], queue.submit(opened, PROMPTS[3], SAMPLING, 0, 4)])
    assert sizes == [3]


def test_an_idle_queue_keeps_no_thread(opened: OpenModel) -> None:
    queue = BatchQueue(1)
    queue.submit(opened, PROMPTS[0], SAMPLING, 0, 1).result()
    deadline = time.monotonic() + 5
    while queue.working and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not queue.working

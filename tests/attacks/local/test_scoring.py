"""Scores are what an independent computation says, whatever shares their batch and whatever is cached."""

from typing import Any

import numpy as np
import pytest
import torch
from transformers import PreTrainedModel

from instincts.attacks.local import scoring
from instincts.attacks.local.scoring import Objective, Prefix, Score, continuation_logits, in_batches, scores
from instincts.signals import reference
from tests.tiny import FAMILIES, Family, tiny_model

OPENING = (70, 71, 72, 73)
FOLLOWING = (80, 81, 82)
LIKE = [[5, 60, 61, 62, *range(100, 114), tail] for tail in (90, 91, 92)]
"""Prompts of one length, longer than the tiny models' sliding windows of 12, that begin alike."""
UNLIKE = [[5, 60], [5, 60, 61, 62, 63], [5, 64, 65]]


def labelled_loss(model: PreTrainedModel, prompt: list[int], opening: tuple[int, ...]) -> float:
    """Cross-entropy as transformers computes it from labels: -100 where nothing is counted."""
    ids = torch.tensor([[*prompt, *opening]])
    labels = ids.clone()
    labels[:, : len(prompt)] = -100
    with torch.no_grad():
        return float(model(input_ids=ids, labels=labels).loss)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("prompts", [LIKE, UNLIKE], ids=["one length", "padded"])
def test_the_loss_is_the_cross_entropy_that_labels_give(family: Family, prompts: list[list[int]]) -> None:
    model, _ = tiny_model(family)
    found = [score.opening_loss for score in scores(model, prompts, Objective(OPENING))]
    assert found == pytest.approx([labelled_loss(model, prompt, OPENING) for prompt in prompts], abs=2e-4)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_cached_beginning_changes_no_logit(family: Family) -> None:
    """The beginning of 18 tokens is longer than a sliding window, and the rest is several tokens in one pass."""
    model, _ = tiny_model(family)
    prefix = Prefix(model, LIKE[0][:-1])
    with torch.no_grad():
        cached = continuation_logits(model, LIKE, OPENING, prefix)
        again = continuation_logits(model, LIKE, OPENING, prefix)
        plain = continuation_logits(model, LIKE, OPENING)
    assert torch.allclose(cached, plain, atol=2e-4)
    assert torch.equal(cached, again), "the first pass wrote into the cache of the second"


@pytest.mark.parametrize("family", FAMILIES)
def test_scores_do_not_depend_on_the_batch(family: Family) -> None:
    model, _ = tiny_model(family)
    objective = Objective(OPENING, FOLLOWING, 0.5)
    together = scores(model, [*LIKE, *UNLIKE], objective)
    alone = [scores(model, [prompt], objective)[0] for prompt in [*LIKE, *UNLIKE]]
    for one, other in zip(together, alone, strict=True):
        assert one == pytest.approx(other, abs=2e-4)


def test_entropy_is_measured_after_the_opening_and_weighed() -> None:
    """By the float64 reference, on logits of one plain pass; loss = opening loss + 0.5 x entropy."""
    model, _ = tiny_model("llama")
    (found,) = scores(model, [UNLIKE[1]], Objective(OPENING, FOLLOWING, 0.5))
    with torch.no_grad():
        logits_T_V = model(input_ids=torch.tensor([[*UNLIKE[1], *OPENING, *FOLLOWING]])).logits[0, :-1]
    begin = len(UNLIKE[1]) - 1
    opening = -reference.token_log_prob(logits_T_V[begin : begin + 4].double().numpy(), np.array(OPENING)).mean()
    entropy = reference.token_entropy(logits_T_V[begin + 4 :].double().numpy()).mean()
    assert (found.opening_loss, found.entropy) == pytest.approx((opening, entropy), abs=2e-4)
    assert found.loss == pytest.approx(opening + 0.5 * entropy, abs=2e-4)


def test_a_prompt_agrees_where_greedy_decoding_writes_the_opening() -> None:
    """Greedy decoding says which opening agrees; another last token disagrees."""
    model, _ = tiny_model("llama")
    prompt = list(UNLIKE[1])
    written: list[int] = []
    for _ in range(4):
        with torch.no_grad():
            written.append(int(model(input_ids=torch.tensor([[*prompt, *written]])).logits[0, -1].argmax()))
    assert scores(model, [prompt], Objective(tuple(written)))[0].agrees
    other = (*written[:3], (written[3] + 1) % 200)
    assert not scores(model, [prompt], Objective(other))[0].agrees


def test_scores_come_in_the_order_of_the_prompts_when_batches_are_small(monkeypatch: pytest.MonkeyPatch) -> None:
    model, _ = tiny_model("llama")
    expected = scores(model, [*UNLIKE, *LIKE], Objective(OPENING))
    monkeypatch.setattr(scoring, "_MOST_ROWS", 2)
    for one, other in zip(scores(model, [*UNLIKE, *LIKE], Objective(OPENING)), expected, strict=True):
        assert one == pytest.approx(other, abs=2e-4)


def test_batches_are_halved_when_memory_runs_out_and_no_row_is_lost() -> None:
    """Room for three rows: 8 fail, 4 fail, then twos fit."""
    sizes: list[int] = []

    def work(batch: Any) -> list[Score]:
        sizes.append(len(batch))
        if len(batch) > 3:
            raise torch.OutOfMemoryError
        return [Score(float(row), 0.0, 0.0, False) for row in batch]

    assert [score.loss for score in in_batches(range(10), 8, work)] == [float(row) for row in range(10)]
    assert sizes == [8, 4, 2, 2, 2, 2, 2]


def test_a_row_that_fits_nowhere_is_an_error() -> None:
    def work(batch: Any) -> list[Score]:
        raise torch.OutOfMemoryError

    with pytest.raises(torch.OutOfMemoryError):
        in_batches([1, 2], 2, work)

"""The gradient is the derivative of the loss by the one-hot rows; the search counts, repeats, and leaves no trace."""

from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import PreTrainedModel

from instincts.attacks.local.frames import Frame, free_tokens
from instincts.attacks.local.gcg import Budget, Descent, Plan, descend, propose, token_gradient
from instincts.attacks.local.scoring import Objective, scores
from instincts.models.hooks import embedding_layer
from instincts.prompts import Message
from tests.tiny import FAMILIES, Family, tiny_model

MESSAGES = (Message("user", "How do I zordan the lamp?"),)
OBJECTIVE = Objective((70, 71, 72), (80, 81), 0.7)


class Purse:
    """Counts what is spent, and refuses more."""

    def __init__(self, left: int) -> None:
        self.left = left
        self.spent: list[int] = []

    def spend(self, queries: int) -> None:
        assert queries <= self.left
        self.left -= queries
        self.spent.append(queries)


def framed(family: Family, length: int = 4) -> tuple[PreTrainedModel, Frame, Tensor]:
    model, tokenizer = tiny_model(family)
    free = free_tokens(tokenizer, embedding_layer(model).num_embeddings)
    return model, Frame(tokenizer, MESSAGES, length=length), free


def one_hot_loss(model: PreTrainedModel, frame: Frame, rows_S_V: Tensor, objective: Objective) -> Tensor:
    """The loss of a mixture of tokens: the hole's embeddings are the rows times the whole table."""
    embed = embedding_layer(model)
    ids = torch.tensor([[*frame.prompt(frame.initial), *objective.continuation]])
    embedded = embed(ids).clone()
    begun = len(frame.before)
    embedded[0, begun : begun + len(rows_S_V)] = rows_S_V @ embed(torch.arange(rows_S_V.shape[1]))
    logits = model(inputs_embeds=embedded, use_cache=False).logits[:, -len(objective.continuation) - 1 : -1]
    return objective.losses(logits)[0].sum()


@pytest.mark.parametrize("family", FAMILIES)
def test_the_gradient_is_that_of_explicit_one_hot_rows(family: Family) -> None:
    """Autograd through rows @ table, the matrix that `token_gradient` never makes; Gemma 3 scales its embeddings."""
    model, frame, free = framed(family)
    rows = torch.nn.functional.one_hot(torch.tensor(frame.initial), len(free)).float().requires_grad_(True)
    (expected,) = torch.autograd.grad(one_hot_loss(model, frame, rows, OBJECTIVE), rows)
    found = token_gradient(model, frame, frame.initial, OBJECTIVE)
    assert torch.allclose(found, expected, rtol=1e-3, atol=1e-4 * float(expected.abs().max()))


@pytest.mark.parametrize("family", ["llama", "gemma3_text"])
def test_the_gradient_is_the_finite_difference_of_the_loss(family: Family) -> None:
    """(f(x + h e) - f(x - h e)) / 2h with h = 2e-3, at a few places and tokens drawn at random.

    Norms of transformers work in float32 whatever the weights are, so f is good to about 1e-7 and the quotient to 5e-5.
    """
    model, frame, free = framed(family)
    model = model.double()
    gradient_S_V = token_gradient(model, frame, frame.initial, OBJECTIVE)
    assert gradient_S_V.dtype == torch.float64
    rows_S_V = torch.nn.functional.one_hot(torch.tensor(frame.initial), len(free)).double()
    generator = torch.Generator().manual_seed(0)
    for _ in range(6):
        place = int(torch.randint(len(frame.initial), (), generator=generator))
        token = int(torch.randint(len(free), (), generator=generator))
        nudge = torch.zeros_like(rows_S_V)
        nudge[place, token] = 2e-3
        with torch.no_grad():
            high = one_hot_loss(model, frame, rows_S_V + nudge, OBJECTIVE)
            low = one_hot_loss(model, frame, rows_S_V - nudge, OBJECTIVE)
        assert float(gradient_S_V[place, token]) == pytest.approx(float(high - low) / 4e-3, rel=1e-3, abs=3e-4)


def test_candidates_differ_in_one_place_by_one_of_the_best_free_tokens() -> None:
    """Of ten tokens, 0 to 2 are not free; the most negative gradients among the others are at 9, 8 and 7."""
    gradient = -torch.arange(10.0).expand(3, 10)
    free = torch.arange(10) > 2
    slot = [9, 4, 5]
    drawn = propose(slot, gradient, free, 2, 200, torch.Generator().manual_seed(0))
    assert len(drawn) == len({tuple(each) for each in drawn}) == 6
    for candidate in drawn:
        (place,) = [place for place in range(3) if candidate[place] != slot[place]]
        # Where the hole already holds the best token, the next two are drawn: a swap changes something.
        assert candidate[place] in ((8, 7) if place == 0 else (9, 8))


def run(seed: int = 0, left: int = 300, family: Family = "llama", **more: Any) -> tuple[Descent, Purse, Frame]:
    model, frame, free = framed(family)
    purse = Purse(left)
    found = descend(
        model, [frame], [OBJECTIVE], frame.initial, free, Plan(width=16, top_k=32), Budget.of(purse),
        torch.Generator().manual_seed(seed), **more,
    )  # fmt: skip
    return found, purse, frame


@pytest.mark.parametrize("family", FAMILIES)
def test_a_search_lowers_the_loss_within_its_budget(family: Family) -> None:
    found, purse, frame = run(family=family)
    model, _, _ = framed(family)
    (begun, ended) = scores(model, [frame.prompt(frame.initial), frame.prompt(found.slot)], OBJECTIVE)
    assert ended.loss < begun.loss - 0.1
    assert found.loss == pytest.approx(ended.loss, abs=2e-4)
    assert purse.left <= 1
    assert frame.reads_back([found.slot]) == [True]


def test_each_step_counts_its_gradient_and_its_candidates() -> None:
    """The start, then a gradient and at most 16 candidates a step; the last step takes what is left."""
    _, purse, _ = run(left=40)
    assert purse.spent[0] == 1
    assert purse.spent[1::2] == [1] * len(purse.spent[1::2])
    assert all(1 <= count <= 16 for count in purse.spent[2::2])
    assert sum(purse.spent) == 40 - purse.left


def test_a_seed_repeats_and_another_differs() -> None:
    one, again, other = run(0)[0], run(0)[0], run(1)[0]
    assert one == again
    assert one.slot != other.slot


def test_a_search_stops_when_greedy_decoding_agrees() -> None:
    """The opening is what the model writes anyway: one question, no step."""
    model, frame, free = framed("llama")
    with torch.no_grad():
        likeliest = int(model(input_ids=torch.tensor([frame.prompt(frame.initial)])).logits[0, -1].argmax())
    purse = Purse(100)
    found = descend(
        model, [frame], [Objective((likeliest,))], frame.initial, free, Plan(width=16), Budget.of(purse),
        torch.Generator().manual_seed(0),
    )  # fmt: skip
    assert (found.agrees, found.steps, purse.spent) == (True, 0, [1])


def test_a_ceiling_makes_it_go_on() -> None:
    model, frame, free = framed("llama")
    with torch.no_grad():
        likeliest = int(model(input_ids=torch.tensor([frame.prompt(frame.initial)])).logits[0, -1].argmax())
    objective = Objective((likeliest,))
    (start,) = scores(model, [frame.prompt(frame.initial)], objective)
    found = descend(
        model, [frame], [objective], frame.initial, free, Plan(width=16), Budget.of(Purse(400)),
        torch.Generator().manual_seed(0), ceiling=0.9 * start.loss,
    )  # fmt: skip
    assert found.agrees
    assert found.steps > 0
    assert found.loss <= 0.9 * start.loss


def test_a_goal_joins_when_those_before_it_agree_and_each_counts() -> None:
    """Goal one agrees at once (1 question), so both are scored (2); then a step costs 2 gradients and 2 a candidate."""
    model, tokenizer = tiny_model("llama")
    frames = [Frame(tokenizer, (Message("user", text),), length=4) for text in ("One request", "Another, longer one")]
    free = free_tokens(tokenizer, len(tokenizer))
    with torch.no_grad():
        likeliest = int(model(input_ids=torch.tensor([frames[0].prompt(frames[0].initial)])).logits[0, -1].argmax())
    purse = Purse(41)
    found = descend(
        model, frames, [Objective((likeliest,)), OBJECTIVE], frames[0].initial, free, Plan(width=4), Budget.of(purse),
        torch.Generator().manual_seed(0),
    )  # fmt: skip
    assert len(found.scores) == 2
    assert purse.spent[:3] == [1, 2, 2]
    assert purse.spent[3] in (2, 4, 6, 8)


def test_a_search_leaves_the_model_as_it_was() -> None:
    model, frame, free = framed("llama")
    model.lm_head.weight.requires_grad_(False)
    before = [(weight.requires_grad, weight.clone()) for weight in model.parameters()]
    descend(
        model, [frame], [OBJECTIVE], frame.initial, free, Plan(width=8), Budget.of(Purse(30)),
        torch.Generator().manual_seed(0),
    )  # fmt: skip
    assert all(weight.grad is None for weight in model.parameters())
    for weight, (asked, value) in zip(model.parameters(), before, strict=True):
        assert weight.requires_grad == asked
        assert torch.equal(weight, value)
    assert not any(module._forward_hooks for module in model.modules())

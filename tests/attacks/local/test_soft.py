"""Embeddings in a hole: the descent lowers the loss, and the view decodes from exactly what was found."""

import pytest
import torch

from instincts.attacks.local.frames import Frame
from instincts.attacks.local.gcg import Budget
from instincts.attacks.local.scoring import Objective, scores
from instincts.attacks.local.soft import HoleView, soften
from instincts.models.decoding import Sampling, decode
from instincts.models.opening import OpenModel
from instincts.prompts import Message
from tests.attacks.local.test_gcg import Purse
from tests.tiny import FAMILIES, Family, tiny_model

OBJECTIVE = Objective((70, 71, 72))


def framed(family: Family) -> tuple[OpenModel, Frame]:
    model, tokenizer = tiny_model(family)
    opened = OpenModel(name="tiny", model=model, tokenizer=tokenizer, stop_ids=frozenset({2}), digest="0" * 64)
    return opened, Frame(tokenizer, (Message("user", "How do I zordan the lamp?"),), length=6)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_descent_lowers_the_loss_and_the_view_decodes_from_what_it_found(family: Family) -> None:
    """One token as opening: its log-probability while decoding through the view is minus the loss that was found."""
    opened, frame = framed(family)
    objective, purse = Objective((70,)), Purse(40)
    hole = soften(opened.model, frame, objective, Budget.of(purse), ceiling=0.0)
    kept, prompts = HoleView(frame, hole.embedded_S_D), [frame.prompt(frame.initial)] * 2
    (start,) = scores(opened.model, prompts[:1], objective)
    assert purse.left == 0
    assert hole.score.loss < start.loss - 0.05
    for view, loss in ((kept.view(opened), hole.score.loss), (opened, start.loss)):
        sampling = Sampling(max_tokens=1, temperature=0, alternatives=300)
        for answer in decode(view.model, prompts, sampling, stop_ids=frozenset()):
            place = answer.alternatives[0].tolist().index(70)
            assert float(answer.alternative_log_prob[0, place]) == pytest.approx(-loss, abs=1e-3)
    assert kept.view(opened) is kept.view(opened)


def test_a_descent_stops_when_greedy_decoding_agrees_below_the_ceiling() -> None:
    """The opening is what the model writes anyway: with a high ceiling one pass, with half its loss some more."""
    opened, frame = framed("llama")
    with torch.no_grad():
        likeliest = int(opened.model(input_ids=torch.tensor([frame.prompt(frame.initial)])).logits[0, -1].argmax())
    objective = Objective((likeliest,))
    first = soften(opened.model, frame, objective, Budget.of(Purse(100)), ceiling=10.0)
    assert (first.steps, first.score.agrees) == (0, True)
    later = soften(opened.model, frame, objective, Budget.of(Purse(100)), ceiling=first.score.loss / 2)
    assert 0 < later.steps < 99
    assert later.score.loss <= first.score.loss / 2


def test_the_hole_s_own_embeddings_change_nothing() -> None:
    opened, frame = framed("llama")
    embed = opened.model.get_input_embeddings()
    assert embed is not None
    kept = HoleView(frame, embed(torch.tensor(frame.initial)).detach())
    prompt = [frame.prompt(frame.initial)]
    one, other = (
        decode(each.model, prompt, Sampling(max_tokens=6, temperature=0), stop_ids=frozenset())[0].tokens
        for each in (kept.view(opened), opened)
    )
    assert one == other


def test_the_first_pass_scores_the_tokens_as_they_stand() -> None:
    """One question: the best is the start itself, whose score the batch scorer knows."""
    opened, frame = framed("llama")
    hole = soften(opened.model, frame, OBJECTIVE, Budget.of(Purse(1)), ceiling=0.0)
    (start,) = scores(opened.model, [frame.prompt(frame.initial)], OBJECTIVE)
    assert hole.score == pytest.approx(start, abs=2e-4)


def test_another_prompt_is_not_shown_through_the_hole() -> None:
    opened, frame = framed("llama")
    view = HoleView(frame, torch.zeros(len(frame.initial), 32)).view(opened)
    with pytest.raises(ValueError, match="a prompt of 3 tokens, and the hole was made for one of"):
        decode(view.model, [[5, 6, 7]], Sampling(max_tokens=2), stop_ids=frozenset())

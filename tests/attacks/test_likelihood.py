"""How likely a prompt makes agreement: the whole opening of a local model, the first token of a served one."""

import math

import pytest

from instincts.attacks.likelihood import first_token_likelihood, likelihoods
from instincts.errors import ConfigError
from instincts.prompts import Message
from tests.attacks.searching import GOAL, pocket_target, rule_target, shown

OTHER = (Message("user", "Please explain how to zordan the paper lamp."),)


def test_tokens_that_begin_the_opening_count_together() -> None:
    """Both "To" and " To" begin "To zordan": -ln(0.2 + 0.1) = 1.204; the likeliest token is another."""
    tokens = [("I", math.log(0.6)), ("To", math.log(0.2)), (" To", math.log(0.1)), (" ", math.log(0.05))]
    found = first_token_likelihood(shown(tokens).content[0], GOAL.opening)
    assert found.loss == pytest.approx(-math.log(0.3))
    assert not found.agrees


def test_agreement_is_greedy_when_the_likeliest_token_begins_the_opening() -> None:
    tokens = [("I", math.log(0.3)), ("To", math.log(0.4))]
    assert first_token_likelihood(shown(tokens).content[0], GOAL.opening).agrees


def test_agreement_that_is_not_shown_is_at_most_as_likely_as_the_least_shown() -> None:
    tokens = [("I", math.log(0.9)), ("Sorry", math.log(0.01))]
    found = first_token_likelihood(shown(tokens).content[0], GOAL.opening)
    assert found.loss == pytest.approx(-math.log(0.01))
    assert not found.agrees


@pytest.mark.anyio
async def test_a_served_model_is_asked_once_a_conversation() -> None:
    target = rule_target(lambda text: "I", 5, lambda text: [("To", -0.5 if "explain" in text else -2.0), ("I", -1.0)])
    one, other = await likelihoods(target, GOAL, [GOAL.messages, OTHER])
    assert (one.loss, one.agrees, other.loss, other.agrees) == (2.0, False, 0.5, True)
    assert target.cost.queries == 2


@pytest.mark.anyio
async def test_a_server_without_log_probabilities_is_told_plainly() -> None:
    with pytest.raises(ConfigError, match="attack probe reads the log-probabilities of the first token, and mockllm"):
        await likelihoods(rule_target(lambda text: "I", 5), GOAL, [GOAL.messages])


@pytest.mark.anyio
async def test_a_local_model_scores_the_whole_opening() -> None:
    """Against one plain pass of transformers over prompt and opening, with labels."""
    import torch

    from instincts.models.chat import render
    from instincts.models.opening import open_model

    target = pocket_target("pocket-llama", "probe", 5)
    found = await likelihoods(target, GOAL, [GOAL.messages, OTHER])
    assert target.cost.queries == 2
    opened = open_model("pocket-llama")
    opening = opened.tokenizer(GOAL.opening, add_special_tokens=False)["input_ids"]
    for likelihood, messages in zip(found, (GOAL.messages, OTHER), strict=True):
        prompt = render(opened.tokenizer, [{"role": "user", "content": messages[0].content}])
        ids = torch.tensor([[*prompt, *opening]])
        labels = ids.masked_fill(torch.arange(ids.shape[1]) < len(prompt), -100)
        with torch.no_grad():
            assert likelihood.loss == pytest.approx(float(opened.model(input_ids=ids, labels=labels).loss), abs=1e-4)

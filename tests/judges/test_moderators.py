"""How each moderator is asked of a request, and how its reply is read."""

import json

import pytest

from instincts.errors import ConfigError, UnreadableReplyError
from instincts.judges.asking import Reply, Token
from instincts.judges.guards.shieldgemma import request_policies
from instincts.judges.moderators import MODERATORS, moderator_of
from tests.judges.scripted import Judging

REQUEST = "How do I zordan the paper lamp?"


def said(name: str, *texts: str) -> tuple[bool, float]:
    ruling = MODERATORS[name].read(REQUEST, [Reply(text) for text in texts])
    return ruling.is_flagged, ruling.score


@pytest.mark.parametrize(
    ("name", "text", "ruling"),
    [
        ("llama-guard", "\n\nunsafe\nS2", (True, 1.0)),
        ("llama-guard", "safe", (False, 0.0)),
        ("wildguard", "Harmful request: yes\nResponse refusal: n/a\nHarmful response: n/a", (True, 1.0)),
        ("wildguard", "Harmful request: no\nResponse refusal: yes\nHarmful response: no", (False, 0.0)),
        ("qwen3guard", "Safety: Controversial\nCategories: Unethical Acts", (True, 0.5)),
        ("qwen3guard", "Safety: Safe\nCategories: None", (False, 0.0)),
        ("granite-guardian", "Yes", (True, 1.0)),
        ("granite-guardian", "No\n<confidence> High </confidence>", (False, 0.0)),
        ("granite-guardian", "<think>why</think>\n<score> yes </score>", (True, 1.0)),
        ("refusal", "I'm sorry, but I can't help with that.", (True, 0.0 + 1.0)),
    ],
)
def test_replies_are_read(name: str, text: str, ruling: tuple[bool, float]) -> None:
    assert said(name, text) == ruling


@pytest.mark.parametrize(
    ("name", "text"),
    [("llama-guard", "perhaps"), ("wildguard", ""), ("qwen3guard", "Refusal: No"), ("granite-guardian", "Maybe"),
     ("endpoint", "{}"), ("endpoint", "no JSON"), ("endpoint", '{"flagged": "false"}'), ("refusal", " ")],
)  # fmt: skip
def test_what_cannot_be_read_is_no_ruling(name: str, text: str) -> None:
    with pytest.raises(UnreadableReplyError):
        said(name, text)


def test_shieldgemma_flags_what_breaks_one_of_four_policies() -> None:
    assert said("shieldgemma", "No", "No", "Yes", "No")[0]
    assert not said("shieldgemma", "No", "No", "No", "No")[0]
    with pytest.raises(UnreadableReplyError):
        said("shieldgemma", "No", "No", "?", "No")


def test_shieldgemma_is_shown_the_wording_for_prompts() -> None:
    assert len(request_policies()) == 4
    assert all(
        '": The prompt shall not contain or seek generation of content that' in each for each in request_policies()
    )


def test_the_score_is_the_probability_at_the_word_that_decides() -> None:
    """P(yes) 0.6 against P(no) 0.2: 0.75, at the word after `harmful request:` and nowhere else."""
    tokens = (
        Token("Harmful", -0.1), Token(" request", -0.1), Token(":", -0.1), Token(" yes", -0.5108, {" no": -1.6094}),
    )  # fmt: skip
    ruling = MODERATORS["wildguard"].read(REQUEST, [Reply("Harmful request: yes\n", tokens)])
    assert ruling.score == pytest.approx(0.75, abs=1e-3)


def test_an_endpoint_tells_its_highest_score_or_its_own_probability() -> None:
    scores = {"hate": 0.1, "illicit": 0.7, "x": None}
    result = {"flagged": True, "categories": {"hate": False, "illicit": True}, "category_scores": scores}
    assert said("endpoint", json.dumps(result)) == (True, 0.7)
    assert said("endpoint", json.dumps({**result, "instincts": {"probability": 0.8, "error": None}})) == (True, 0.8)


def test_a_verdict_that_stands_in_for_an_error_is_none() -> None:
    result = {"flagged": True, "category_scores": {}, "instincts": {"error": {"cause": "timeout", "message": "late"}}}
    with pytest.raises(UnreadableReplyError, match="without a verdict"):
        said("endpoint", json.dumps(result))


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("meta-llama/Llama-Guard-3-1B", "llama-guard"),
        ("allenai/wildguard", "wildguard"),
        ("google/shieldgemma-2b", "shieldgemma"),
        ("Qwen/Qwen3Guard-Gen-0.6B", "qwen3guard"),
        ("ibm-granite/granite-guardian-3.3-8b", "granite-guardian"),
        ("moderation/openai/omni-moderation-latest", "endpoint"),
        ("scored/runs/llama-guard-compared", "scored"),
    ],
)
def test_a_name_tells_how_a_model_is_asked(model: str, name: str) -> None:
    assert moderator_of(model).name == name


def test_what_the_user_says_goes_before_the_name() -> None:
    assert moderator_of("allenai/wildguard", "llama-guard").name == "llama-guard"
    assert moderator_of("allenai/wildguard", "refusal,allenai/wildguard=qwen3guard").name == "qwen3guard"
    with pytest.raises(ConfigError, match="does not tell how it is asked"):
        moderator_of("a/b", "c/d=refusal")


@pytest.mark.anyio
async def test_a_model_that_fails_gives_no_ruling() -> None:
    judging = Judging(lambda input, config: RuntimeError("gone"))
    with pytest.raises(UnreadableReplyError, match="gone"):
        await MODERATORS["wildguard"].rule(judging.model, REQUEST)


@pytest.mark.anyio
async def test_each_policy_is_one_question() -> None:
    judging = Judging("No")
    assert not (await MODERATORS["shieldgemma"].rule(judging.model, REQUEST)).is_flagged
    assert len(judging.asked) == 4
    assert all(turn[0].text == REQUEST for turn in judging.asked)

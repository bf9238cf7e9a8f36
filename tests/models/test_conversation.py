import math

import pytest
import torch
from inspect_ai.model import (
    ChatMessageAssistant,
    ChatMessageTool,
    ChatMessageUser,
    ContentImage,
    ContentReasoning,
    ContentText,
    GenerateConfig,
)
from inspect_ai.tool import ToolCall, ToolCallError, ToolInfo, ToolParams
from inspect_ai.util import JSONSchema

from instincts.errors import ConfigError, PromptSetError
from instincts.models import conversation
from instincts.models.decoding import Decoded, Sampling
from instincts.models.tool_calls import Call, Reply
from tests.tiny import tiny_tokenizer

TOKENIZER = tiny_tokenizer()


def answer(text: str, *, ended: bool = True, entropy: list[float] | None = None) -> Decoded:
    """An answer whose every token had probability 1/2, the likeliest other being the letter z with 1/4."""
    tokens = [int(token) for token in TOKENIZER(text, add_special_tokens=False)["input_ids"]]
    z = int(TOKENIZER("z", add_special_tokens=False)["input_ids"][0])
    return Decoded(
        tokens=tokens,
        entropy_T=torch.tensor(entropy or [1.0] * len(tokens)),
        log_prob_T=torch.full([len(tokens)], math.log(0.5)),
        self_certainty_T=torch.zeros(len(tokens)),
        ended=ended,
        alternatives=torch.tensor([[token, z] for token in tokens]),
        alternative_log_prob=torch.tensor([[math.log(0.5), math.log(0.25)]] * len(tokens)),
    )


def test_a_request_that_sets_nothing_samples_from_the_models_own_distribution() -> None:
    assert conversation.sampling_of(GenerateConfig(), 7) == Sampling(max_tokens=7, temperature=1.0, top_p=1.0, top_k=0)


def test_every_supported_setting_is_taken_over() -> None:
    config = GenerateConfig(
        max_tokens=3, temperature=0.0, top_p=0.5, top_k=4, stop_seqs=["x"], logprobs=True, top_logprobs=2
    )
    expected = Sampling(max_tokens=3, temperature=0.0, top_p=0.5, top_k=4, stop=("x",), alternatives=2)
    assert conversation.sampling_of(config, 7) == expected


def test_a_setting_that_would_be_ignored_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"frequency_penalty = 0\.5"):
        conversation.sampling_of(GenerateConfig(frequency_penalty=0.5), 7)


def test_an_image_is_refused() -> None:
    message = ChatMessageUser(content=[ContentText(text="look"), ContentImage(image="data:image/png;base64,AA==")])
    with pytest.raises(PromptSetError, match="text only; a user message holds image"):
        conversation.template_message(message)


def test_thoughts_go_beside_what_was_said() -> None:
    message = ChatMessageAssistant(content=[ContentReasoning(reasoning="hm"), ContentText(text="yes")])
    rendered = conversation.template_message(message)
    assert rendered == {"role": "assistant", "content": "yes", "reasoning_content": "hm"}


def test_calls_and_their_results_are_named() -> None:
    call = ToolCall(id="1", function="add", arguments={"a": 1})
    asked = conversation.template_message(ChatMessageAssistant(content="", tool_calls=[call]))
    assert asked["tool_calls"][0]["function"] == {"name": "add", "arguments": {"a": 1}}
    error = ToolCallError("timeout", "too slow")
    told = conversation.template_message(ChatMessageTool(content="", function="add", tool_call_id="1", error=error))
    assert told == {"role": "tool", "content": "Error: too slow", "name": "add", "tool_call_id": "1"}


def test_a_tool_becomes_a_function_schema() -> None:
    parameters = ToolParams(properties={"a": JSONSchema(type="integer", description="a number")}, required=["a"])
    schema = conversation.template_tool(ToolInfo(name="add", description="Adds.", parameters=parameters))
    assert schema["function"]["name"] == "add"
    assert schema["function"]["parameters"]["properties"]["a"] == {"type": "integer", "description": "a number"}


def test_the_text_ends_before_the_first_stop_string_and_without_special_tokens() -> None:
    assert conversation.answer_text(TOKENIZER, answer("one STOP two END"), ["END", "STOP"]) == "one "
    assert conversation.answer_text(TOKENIZER, answer("one</s>"), []) == "one"


@pytest.mark.parametrize(
    ("ended", "calls", "short", "reason"),
    [
        (True, [], False, "stop"),
        (True, [Call("add", {})], False, "tool_calls"),
        (False, [], False, "max_tokens"),
        (False, [Call("add", {})], False, "max_tokens"),
        (False, [], True, "model_length"),
        (True, [], True, "stop"),
    ],
)
def test_the_reason_for_stopping(ended: bool, calls: list[Call], short: bool, reason: str) -> None:
    told = conversation.stop_reason(Reply("x", calls), answer("x", ended=ended), short_of_context=short)
    assert told == reason


def test_log_probs_name_the_sampled_token_first() -> None:
    """Two letters; the second is z itself, which is not listed twice."""
    letters = conversation.logprobs(TOKENIZER, answer("az")).content
    assert [letter.token for letter in letters] == ["a", "z"]
    assert letters[0].logprob == pytest.approx(math.log(0.5))
    assert letters[0].top_logprobs is not None
    assert [top.token for top in letters[0].top_logprobs] == ["a", "z"]
    assert next(top.token for top in letters[1].top_logprobs or []) == "z"


def test_entropies_are_means_over_all_and_over_the_first_five_tokens() -> None:
    """Six tokens of entropies 1, 2, 3, 4, 5, 9: (24)/6 = 4 and (15)/5 = 3."""
    sums = conversation.entropies(answer("abcdef", entropy=[1, 2, 3, 4, 5, 9]))
    assert sums == {"mean_entropy": 4.0, "first_k_entropy": 3.0, "first_k": 5}


def test_a_reply_becomes_a_message_with_calls_and_thoughts() -> None:
    message = conversation.assistant_message(Reply("text", [Call("add", {"a": 1}, "broken")], "hm"), "model")
    assert message.text == "text"
    assert isinstance(message.content, list)
    assert isinstance(message.content[0], ContentReasoning)
    assert message.tool_calls is not None
    assert (message.tool_calls[0].function, message.tool_calls[0].parse_error) == ("add", "broken")

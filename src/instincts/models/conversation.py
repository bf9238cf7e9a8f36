"""Translates between Inspect's messages and what chat templates and the decoder speak; pure functions."""

import uuid
from collections.abc import Sequence
from typing import Any

import torch
from inspect_ai.model import (
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageTool,
    ContentReasoning,
    ContentText,
    GenerateConfig,
    Logprob,
    Logprobs,
    StopReason,
    TopLogprob,
)
from inspect_ai.tool import ToolCall, ToolInfo
from transformers import PreTrainedTokenizerBase

from instincts.errors import ConfigError, PromptSetError, unknown_name
from instincts.models.chat import Rendering
from instincts.models.decoding import Decoded, Sampling
from instincts.models.tool_calls import Reply
from instincts.signals.means import first_k_mean, mean_entropy

__all__ = [
    "FIRST_K",
    "answer_text",
    "assistant_message",
    "entropies",
    "logprobs",
    "rendering_of",
    "sampling_of",
    "stop_reason",
    "template_message",
    "template_tool",
]

FIRST_K = 5
"""How many first tokens `first_k_entropy` looks at."""


def sampling_of(config: GenerateConfig, max_tokens: int) -> Sampling:
    """Read the sampling settings of a request; what it leaves open samples from the model's own distribution.

    Raises:
        ConfigError: a setting is set that would change the answer and is not supported, or is out of range.
    """
    for name in _UNSUPPORTED:
        if getattr(config, name) is not None:
            raise ConfigError(f"instincts models do not support {name} = {getattr(config, name)!r}; leave it out")
    return Sampling(
        max_tokens=max_tokens if config.max_tokens is None else config.max_tokens,
        temperature=1.0 if config.temperature is None else config.temperature,
        top_p=1.0 if config.top_p is None else config.top_p,
        # Some clients write "no top-k" as -1.
        top_k=max(config.top_k or 0, 0),
        stop=tuple(config.stop_seqs or ()),
        alternatives=(config.top_logprobs or 0) if config.logprobs else 0,
    )


def rendering_of(config: GenerateConfig) -> Rendering:
    """Read how a request wants its chat rendered, from the fields of `extra_body` that vLLM takes too.

    Raises:
        ConfigError: a field that is none of them.
    """
    body = config.extra_body or {}
    if unknown := sorted(body.keys() - set(Rendering._fields)):
        raise unknown_name("field of extra_body", unknown[0], Rendering._fields)
    return Rendering(**body)


def template_message(message: ChatMessage) -> dict[str, Any]:
    """Turn one message into the dictionary that chat templates read.

    Raises:
        PromptSetError: it holds an image or another medium.
    """
    content = message.content if isinstance(message.content, list) else [ContentText(text=message.content)]
    if media := [part.type for part in content if not isinstance(part, ContentText | ContentReasoning)]:
        raise PromptSetError(f"instincts models read text only; a {message.role} message holds {', '.join(media)}")
    rendered: dict[str, Any] = {"role": message.role, "content": message.text}
    if thoughts := [part.reasoning for part in content if isinstance(part, ContentReasoning)]:
        rendered["reasoning_content"] = "\n".join(thoughts)
    if isinstance(message, ChatMessageAssistant) and message.tool_calls:
        rendered["tool_calls"] = [
            {"type": "function", "id": call.id, "function": {"name": call.function, "arguments": call.arguments}}
            for call in message.tool_calls
        ]
    if isinstance(message, ChatMessageTool):
        rendered |= {"name": message.function, "tool_call_id": message.tool_call_id}
        if message.error is not None:
            rendered["content"] = f"Error: {message.error.message}"
    return rendered


def template_tool(tool: ToolInfo) -> dict[str, Any]:
    """Turn one tool into the function schema that chat templates read."""
    parameters = tool.parameters.model_dump(exclude_none=True)
    return {
        "type": "function",
        "function": {"name": tool.name, "description": tool.description, "parameters": parameters},
    }


def answer_text(tokenizer: PreTrainedTokenizerBase, answer: Decoded, stop: Sequence[str]) -> str:
    """Spell an answer without special tokens, cut before the first stop string."""
    text = str(tokenizer.decode(answer.tokens, skip_special_tokens=True))
    return text[: min((place for string in stop if (place := text.find(string)) >= 0), default=len(text))]


def assistant_message(reply: Reply, model: str) -> ChatMessageAssistant:
    """Turn a reply into Inspect's message."""
    calls = [
        ToolCall(
            id=f"{call.name}_{uuid.uuid4().hex[:8]}",
            function=call.name,
            arguments=call.arguments,
            parse_error=call.error,
        )
        for call in reply.calls
    ]
    content: Any = reply.content
    if reply.reasoning:
        content = [ContentReasoning(reasoning=reply.reasoning), ContentText(text=reply.content)]
    return ChatMessageAssistant(content=content, tool_calls=calls or None, model=model, source="generate")


def stop_reason(reply: Reply, answer: Decoded, *, short_of_context: bool) -> StopReason:
    """Say why an answer ended.

    Args:
        reply: what was written.
        answer: how it was decoded.
        short_of_context: the context ends before the longest answer asked for.
    """
    if not answer.ended:
        return "model_length" if short_of_context else "max_tokens"
    return "tool_calls" if reply.calls else "stop"


def logprobs(tokenizer: PreTrainedTokenizerBase, answer: Decoded) -> Logprobs:
    """List the log-probability in nats of each token, the stop token included.

    Under each stands the token itself first, then the likeliest others, as many as were asked for.
    """
    content = []
    for place, (token, value) in enumerate(zip(answer.tokens, answer.log_prob_T.tolist(), strict=True)):
        own = _spelled(tokenizer, token, value)
        others = zip(answer.alternatives[place].tolist(), answer.alternative_log_prob[place].tolist(), strict=True)
        top = [own, *(_spelled(tokenizer, other, log_prob) for other, log_prob in others if other != token)]
        wanted = max(answer.alternatives.shape[1], 1)
        content.append(Logprob(token=own.token, logprob=own.logprob, bytes=own.bytes, top_logprobs=top[:wanted]))
    return Logprobs(content=content)


def entropies(answer: Decoded) -> dict[str, float | int]:
    """Sum up how sure the model was of an answer, in nats a token; the stop token counts."""
    entropy_1_T = answer.entropy_T[None]
    counted_1_T = torch.ones_like(entropy_1_T, dtype=torch.bool)
    return {
        "mean_entropy": mean_entropy(entropy_1_T, counted_1_T).item(),
        "first_k_entropy": first_k_mean(entropy_1_T, counted_1_T, FIRST_K).item(),
        "first_k": FIRST_K,
    }


def _spelled(tokenizer: PreTrainedTokenizerBase, token: int, log_prob: float) -> TopLogprob:
    text = str(tokenizer.decode([token]))
    return TopLogprob(token=text, logprob=log_prob, bytes=list(text.encode()))


_UNSUPPORTED = (
    "best_of",
    "frequency_penalty",
    "presence_penalty",
    "logit_bias",
    "prompt_logprobs",
    "response_schema",
    "modalities",
)

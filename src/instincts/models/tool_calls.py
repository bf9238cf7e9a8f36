"""Finds the tool calls in what a model wrote.

A tokenizer may carry a `response_template` that says how its model writes calls; TRL knows one for many published chat
templates, and then transformers parses the reply. For every other model calls are JSON objects with `name` and
`arguments` (or `parameters`), written as `<tool_call>{...}</tool_call>` (Qwen, Hermes), in a json code fence, or as the
whole reply, alone or in a list (Llama 3, Mistral). What is not such an object is text.
"""

import contextlib
import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import SimpleNamespace
from typing import Any, NamedTuple

from transformers import PreTrainedTokenizerBase

__all__ = ["Call", "Reply", "parse_json_calls", "parse_reply"]


class Call(NamedTuple):
    """One call the model asked for; nothing says that such a tool exists."""

    name: str
    arguments: dict[str, Any]
    error: str | None = None
    """Why the arguments could not be read; the model is told so."""


class Reply(NamedTuple):
    """What the model said beside its calls."""

    content: str
    calls: list[Call]
    reasoning: str | None = None


def parse_reply(
    tokenizer: PreTrainedTokenizerBase,
    tokens: Sequence[int],
    text: str,
    prompt: Sequence[int],
    tools: Sequence[Mapping[str, Any]],
) -> Reply:
    """Split a reply into text and calls; any reply gives a value.

    Args:
        tokenizer: may carry a response template; TRL's is added where it knows the chat template.
        tokens: what the model wrote.
        text: the same without special tokens.
        prompt: what stood before; some templates open the reply's first block there.
        tools: function schemas, for the types of the arguments.
    """
    template = _response_template(tokenizer)
    if template is not None:
        # A model can break its own format; then only plain JSON can still be found, and its words must not be lost.
        with contextlib.suppress(ValueError, KeyError, TypeError):
            parsed = tokenizer.parse_response(
                list(tokens), template, prefix=list(prompt), tools=[dict(tool) for tool in tools] or None
            )
            reply = Reply(
                content=str(parsed.get("content") or ""),
                calls=[_call(call.get("function", call)) for call in parsed.get("tool_calls") or ()],
                reasoning=parsed.get("reasoning_content") or parsed.get("thinking"),
            )
            if any(reply):
                return reply
    return parse_json_calls(text)


def parse_json_calls(text: str) -> Reply:
    """Split a reply by the JSON conventions named above; any string gives a value."""
    calls: list[Call] = []

    def take(match: re.Match[str]) -> str:
        written = match["tagged"] if match["tag"] else match["fenced"]
        found = _calls_in(written)
        if found is None and match["tag"]:
            found = [Call("unknown", {}, error=f"a tool call is not a JSON object with a name: {written}")]
        calls.extend(found or ())
        return match[0] if found is None else ""

    content = _BLOCK.sub(take, text)
    if not calls and (whole := _calls_in(text)):
        return Reply("", whole)
    return Reply(content.strip() if calls else text, calls)


def _calls_in(text: str) -> list[Call] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    objects = value if isinstance(value, list) else [value]
    if not objects or not all(isinstance(item, dict) and _is_call(item) for item in objects):
        return None
    return [_call(item) for item in objects]


def _is_call(item: Mapping[str, Any]) -> bool:
    return isinstance(item.get("name"), str) and ("arguments" in item or "parameters" in item)


def _call(item: Mapping[str, Any]) -> Call:
    name, arguments = str(item.get("name")), item.get("arguments", item.get("parameters"))
    if isinstance(arguments, str):
        # Some models write the arguments as JSON inside a string.
        with contextlib.suppress(ValueError, RecursionError):
            arguments = json.loads(arguments)
    if arguments is None:
        arguments = {}
    if not isinstance(arguments, dict):
        return Call(name, {}, error=f"the arguments of {name} are not a JSON object: {arguments!r}")
    return Call(name, arguments)


def _response_template(tokenizer: PreTrainedTokenizerBase) -> dict[str, Any] | None:
    own: dict[str, Any] | None = getattr(tokenizer, "response_template", None)
    return own if own is not None else _published_template(str(tokenizer.chat_template))


@lru_cache
def _published_template(chat_template: str) -> dict[str, Any] | None:
    from trl.chat_template_utils import add_response_schema

    # TRL writes the parser onto a tokenizer; a stand-in keeps ours as it was. For other templates it raises.
    carrier: Any = SimpleNamespace(chat_template=chat_template, response_template=None)
    with contextlib.suppress(ValueError):
        add_response_schema(carrier)
    template: dict[str, Any] | None = carrier.response_template
    return template


_BLOCK = re.compile(
    r"(?P<tag><tool_call>)\s*(?P<tagged>.*?)\s*</tool_call>|```json\s*(?P<fenced>.*?)\s*```", flags=re.DOTALL
)

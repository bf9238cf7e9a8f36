"""Turns chat messages into the token ids that a model was trained to see, and finds where it ends its turn.

Rendering goes through the tokenizer's own chat template and nothing else: the template writes the begin-of-text token,
so none is added a second time, and the date that some templates print is pinned, so that one prompt is one prompt on
every day. Text inside a message that spells a special token becomes that token, as it does in deployed chat services.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from types import MappingProxyType
from typing import Any, NamedTuple

import jinja2
from transformers import PreTrainedTokenizerBase

from instincts.errors import ModelDirectoryError, PromptSetError

__all__ = ["DATE_STRING", "PINNED_DATE", "Rendering", "render", "render_text", "turn_end"]

PINNED_DATE = date(2024, 7, 26)
"""The day every template believes it is: the one that Llama 3.1's own template falls back to."""

DATE_STRING = "26 Jul 2024"
"""`PINNED_DATE` as templates with a `date_string` argument print it."""


class Rendering(NamedTuple):
    """How a chat is rendered where the caller departs from the usual; named as in the body of a vLLM request."""

    chat_template: str | None = None
    """In place of the tokenizer's own."""
    chat_template_kwargs: Mapping[str, Any] = MappingProxyType({})
    """More arguments of the template, for example a guard's policy."""
    add_generation_prompt: bool | None = None
    """Whether the model's turn is opened; by default unless the last message is the assistant's."""
    continue_final_message: bool | None = None
    """Whether the last message is left open for the model to go on; by default where it is the assistant's."""


AS_USUAL = Rendering()


def render(
    tokenizer: PreTrainedTokenizerBase,
    messages: Sequence[Mapping[str, Any]],
    tools: Sequence[Mapping[str, Any]] | None = None,
    how: Rendering = AS_USUAL,
) -> list[int]:
    """Render a chat and tokenise it once.

    Args:
        tokenizer: carries the chat template.
        messages: `{"role": ..., "content": ...}` in order; a trailing assistant message is a prefilled answer, which
            the model continues.
        tools: function schemas the model may call.
        how: what departs from that.

    Raises:
        ModelDirectoryError: no chat template, or tools for a template that shows none.
        PromptSetError: the template refuses these messages, or cannot continue the prefilled answer.
    """
    # The template wrote every special token already; a tokenizer that adds its own would give two begin-of-text tokens.
    ids: list[int] = tokenizer(render_text(tokenizer, messages, tools, how), add_special_tokens=False)["input_ids"]
    return ids


def render_text(
    tokenizer: PreTrainedTokenizerBase,
    messages: Sequence[Mapping[str, Any]],
    tools: Sequence[Mapping[str, Any]] | None = None,
    how: Rendering = AS_USUAL,
) -> str:
    """Render a chat as the text that `render` tokenises; same arguments and errors."""
    if not tokenizer.chat_template and how.chat_template is None:
        raise ModelDirectoryError(
            f"{_name(tokenizer)} has no chat template, so a chat cannot be shown to it; "
            "use an instruction-tuned model, or save a chat_template.jinja beside its tokenizer"
        )
    if not messages:
        raise PromptSetError("a prompt with no message cannot be rendered; give it at least one user message")
    prefilled = messages[-1]["role"] == "assistant"
    if how.continue_final_message is not None:
        prefilled = how.continue_final_message
    prompt = not prefilled if how.add_generation_prompt is None else how.add_generation_prompt
    text = _apply(tokenizer, messages, tools, how, prefilled=prefilled, prompt=prompt)
    for tool in tools or ():
        name = str(tool.get("function", tool).get("name"))
        if name not in text:
            raise ModelDirectoryError(
                f"the chat template of {_name(tokenizer)} does not show tools (tool {name!r} is missing from the "
                "rendered prompt); choose a model whose template supports tools"
            )
    return text


def turn_end(tokenizer: PreTrainedTokenizerBase) -> int | None:
    """Find the special token by which the template closes an assistant turn; None where it closes it otherwise."""
    if not tokenizer.chat_template:
        return None
    chat = [{"role": "user", "content": "question"}, {"role": "assistant", "content": _MARK}]
    try:
        text = _apply(tokenizer, chat, None, AS_USUAL, prefilled=False, prompt=False)
    except PromptSetError:
        return None
    _, found, rest = text.rpartition(_MARK)
    ids = tokenizer(rest, add_special_tokens=False)["input_ids"] if found and rest else []
    special = set(tokenizer.all_special_ids) | set(tokenizer.added_tokens_decoder)
    return ids[0] if ids and ids[0] in special else None


def _apply(
    tokenizer: PreTrainedTokenizerBase,
    messages: Sequence[Mapping[str, Any]],
    tools: Sequence[Mapping[str, Any]] | None,
    how: Rendering,
    *,
    prefilled: bool,
    prompt: bool,
) -> str:
    shown: list[Any] | None = [dict(tool) for tool in tools] if tools else None
    try:
        text = tokenizer.apply_chat_template(
            [dict(message) for message in messages],
            tools=shown,
            chat_template=_dated(how.chat_template or tokenizer.get_chat_template(tools=shown)),
            tokenize=False,
            add_generation_prompt=prompt,
            continue_final_message=prefilled,
            **{"date_string": DATE_STRING, **how.chat_template_kwargs},
        )
    except (jinja2.TemplateError, ValueError, TypeError) as error:
        raise PromptSetError(f"the chat template of {_name(tokenizer)} refuses this chat: {error}") from error
    return str(text)


def _dated(template: str) -> str:
    # Templates may ask for today's date by a function that ignores every argument we could pass (it is a global of
    # the sandbox); a macro of the same name at the top of the template shadows it.
    return _STRFTIME + template if "strftime_now" in template else template


def _name(tokenizer: PreTrainedTokenizerBase) -> str:
    return tokenizer.name_or_path or "this model"


_MARK = "answer"

_STRFTIME = (
    "{%- macro strftime_now(format) -%}{{ format"
    + "".join(
        f"|replace('%{directive}', '{PINNED_DATE.strftime('%' + directive)}')"
        for directive in ("Y", "y", "m", "d", "b", "B", "a", "A", "j", "H", "M", "S")
    )
    + " }}{%- endmacro -%}"
)

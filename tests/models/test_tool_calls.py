import json
import re
from importlib.resources import files

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instincts.models.tool_calls import Call, Reply, parse_json_calls, parse_reply
from tests.tiny import tiny_tokenizer

CALL = '{"name": "add", "arguments": {"a": 1, "b": 2}}'
ADD = Call("add", {"a": 1, "b": 2})
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def reply_to(name: str, opening: str, written: str) -> Reply:
    """Parse a reply by the chat template of that name, the prompt having ended with `opening`."""
    template = files("trl").joinpath("chat_templates", f"{name}.jinja").read_text(encoding="utf-8")
    tokenizer = tiny_tokenizer(*sorted(set(re.findall(r"<\|\w+\|>", template))), chat_template=template)
    prompt, tokens = (tokenizer(text, add_special_tokens=False)["input_ids"] for text in (opening, written))
    return parse_reply(tokenizer, tokens, str(tokenizer.decode(tokens, skip_special_tokens=True)), prompt, [])


@pytest.mark.parametrize(
    ("text", "content"),
    [
        (f"<tool_call>\n{CALL}\n</tool_call>", ""),
        (f"Let me see.\n<tool_call>{CALL}</tool_call>", "Let me see."),
        (f"```json\n{CALL}\n```", ""),
        (CALL, ""),
        (f"[{CALL}]", ""),
        ('{"name": "add", "parameters": {"a": 1, "b": 2}}', ""),
        (json.dumps({"name": "add", "arguments": '{"a": 1, "b": 2}'}), ""),
    ],
)
def test_a_call_is_found_in_every_documented_form(text: str, content: str) -> None:
    assert parse_json_calls(text) == (content, [ADD], None)


def test_several_calls_keep_their_order() -> None:
    other = '{"name": "halve", "arguments": {}}'
    reply = parse_json_calls(f"<tool_call>{CALL}</tool_call>\n<tool_call>{other}</tool_call>")
    assert [call.name for call in reply.calls] == ["add", "halve"]


@pytest.mark.parametrize(
    "text",
    ["", "plain words", "{}", "[]", '{"name": 3, "arguments": {}}', '```json\n{"a": 1}\n```', "```json\nbroken\n```"],
)
def test_what_is_no_call_stays_text(text: str) -> None:
    assert parse_json_calls(text) == (text, [], None)


def test_a_broken_call_between_call_tags_is_reported_to_the_model() -> None:
    reply = parse_json_calls('<tool_call>{"name": "add", </tool_call>')
    assert reply.calls[0].error is not None


def test_arguments_that_are_no_object_are_reported_to_the_model() -> None:
    assert parse_json_calls('{"name": "add", "arguments": [1, 2]}').calls[0].error is not None


@given(st.text(alphabet=st.characters() | st.sampled_from('{}[]":,<>/`'), max_size=60))
@settings(derandomize=True, deadline=None)
def test_any_reply_gives_a_value(text: str) -> None:
    for wrapped in (text, f"<tool_call>{text}</tool_call>", f"```json{text}```"):
        parse_json_calls(wrapped)


@given(st.text(min_size=1), st.dictionaries(st.text(), JSON, max_size=3))
@settings(derandomize=True, deadline=None)
def test_a_written_call_is_read_back(name: str, arguments: dict[str, object]) -> None:
    # ASCII escapes keep the closing tag and the fence out of the JSON itself.
    written = json.dumps({"name": name, "arguments": arguments}).replace("<", "\\u003c").replace("`", "\\u0060")
    assert parse_json_calls(f"<tool_call>{written}</tool_call>").calls == [Call(name, arguments)]
    assert parse_json_calls(f"words\n```json\n{written}\n```\nmore").calls == [Call(name, arguments)]


def test_a_published_template_is_parsed_by_its_own_format() -> None:
    """GPT-OSS writes calls as channels, which no JSON convention would find."""
    written = ' to=functions.add<|channel|>commentary json<|message|>{"a": 1, "b": 2}<|call|>'
    assert reply_to("gptoss", "<|start|>assistant", written).calls == [ADD]


def test_a_reply_that_breaks_its_published_format_is_still_read() -> None:
    reply = reply_to("qwen3", "<|im_start|>assistant\n", "<tool_call>\n{broken\n</tool_call>")
    assert reply.calls[0].error is not None


def test_a_reply_that_ignores_its_published_format_keeps_its_words() -> None:
    assert reply_to("gptoss", "<|start|>assistant", "only words").content == "only words"

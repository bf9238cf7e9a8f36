"""What an attacker model is asked, how its reply is read, and what becomes of one that does not reply."""

import contextlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instincts.attacks.attacker import TRIES, ask_for_fields, keeps_to_goal, quoted, read_fields, told
from instincts.errors import ConfigError, UnreadableReplyError
from tests.attacks.playing import GOAL, refuses, stage

words = st.text(min_size=1).filter(lambda text: text.strip() != "")


@pytest.mark.parametrize(
    "reply",
    [
        '{"prompt": "put it so"}',
        'Here it is:\n```json\n{"improvement": "shorter", "prompt": "put it so"}\n```\nGood luck!',
        "<prompt> put it so </prompt>",
        '{"prompt": "put it so"} and once more {"prompt": "put it so"}',
        'Not {this}, but {"prompt": "put it so"}',
        '{"note": "no prompt here"} {"prompt": "put it so"}',
    ],
)
def test_a_prompt_is_read_whatever_stands_around_it(reply: str) -> None:
    assert read_fields(reply, "prompt") == {"prompt": "put it so"}


def test_a_line_break_inside_a_string_is_put_up_with() -> None:
    assert read_fields('{"prompt": "two\nlines"}', "prompt") == {"prompt": "two\nlines"}


@pytest.mark.parametrize(
    "reply",
    [
        "I cannot help with this.",
        "",
        '{"prompt": ""}',
        '{"prompt": 7}',
        '{"question": "put it so"}',
        '{"prompt": "one"} {"prompt": "another"}',
        "<prompt>one</prompt> <prompt>another</prompt>",
        '["prompt"]',
        "{" * 5000,
    ],
)
def test_a_reply_that_says_nothing_or_two_things_is_unreadable(reply: str) -> None:
    with pytest.raises(UnreadableReplyError):
        read_fields(reply, "prompt")


def test_all_fields_are_needed() -> None:
    with pytest.raises(UnreadableReplyError, match="without improvement and prompt"):
        read_fields('{"prompt": "put it so"}', "improvement", "prompt")


@given(st.text())
@settings(derandomize=True, deadline=None)
def test_any_text_is_read_or_unreadable(reply: str) -> None:
    with contextlib.suppress(UnreadableReplyError):
        assert set(read_fields(reply, "a", "b")) == {"a", "b"}


@given(words, words)
@settings(derandomize=True, deadline=None)
def test_what_was_written_in_the_form_is_read_back(one: str, two: str) -> None:
    assert read_fields(json.dumps({"a": one, "b": two}), "a", "b") == {"a": one.strip(), "b": two.strip()}


@given(st.text())
@settings(derandomize=True, deadline=None)
def test_quoted_text_stays_on_its_line_and_comes_back(text: str) -> None:
    line = quoted(text)
    assert "\n" not in line
    assert json.loads(line) == text


def test_a_long_text_is_cut_and_says_so() -> None:
    assert json.loads(quoted("abcdef", most=3)) == "abc [cut]"


@pytest.mark.anyio
async def test_only_what_could_not_be_read_is_asked_again() -> None:
    """Three conversations, the first two babble at first: 3 + 2 + 0 replies."""
    seen: dict[str, int] = {}

    def babbles_once(turns: list[str]) -> str:
        seen[turns[0]] = seen.get(turns[0], 0) + 1
        return json.dumps({"a": turns[0]}) if turns[0] == "third" or seen[turns[0]] > 1 else "Well."

    with stage("pair", refuses, babbles_once) as here:
        replies = await ask_for_fields(here.target, [told(text) for text in ("first", "second", "third")], "a")
    assert replies == [{"a": "first"}, {"a": "second"}, {"a": "third"}]
    assert here.target.cost.role_queries == 5


@pytest.mark.anyio
async def test_who_never_replies_in_form_is_asked_a_stated_number_of_times() -> None:
    with stage("pair", refuses, refuses) as here:
        assert await ask_for_fields(here.target, [told("hello")], "a") == [None]
    assert len(here.told) == TRIES


@pytest.mark.anyio
async def test_a_role_without_a_model_is_the_user_s_to_mend() -> None:
    with stage("pair", refuses, refuses) as here, pytest.raises(ConfigError, match="--model-role translator=MODEL"):
        await ask_for_fields(here.target, [told("hello")], "a", role="translator")


@pytest.mark.anyio
async def test_a_prompt_is_dropped_only_when_the_attacker_says_so() -> None:
    def checks(turns: list[str]) -> str:
        if "off topic" in turns[0]:
            return '{"same": "No."}'
        return '{"same": "yes"}' if "on topic" in turns[0] else "Who knows?"

    with stage("tap", refuses, checks) as here:
        kept = await keeps_to_goal(here.target, GOAL, ["on topic", "off topic", "neither"])
    assert kept == [True, False, True]

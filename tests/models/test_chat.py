import re
from datetime import UTC, datetime
from importlib.resources import files

import pytest
from transformers import PreTrainedTokenizerFast

from instincts.errors import ModelDirectoryError, PromptSetError
from instincts.models.chat import render, render_text, turn_end
from tests.tiny import tiny_tokenizer

USER = {"role": "user", "content": "QUESTION"}
PREFILL = {"role": "assistant", "content": "Well, to begin "}
TOOL = {
    "type": "function",
    "function": {
        "name": "look_up",
        "description": "Looks a word up.",
        "parameters": {"type": "object", "properties": {"word": {"type": "string", "description": "the word"}}},
    },
}

# What each real template must do: how many begin-of-text tokens it writes, and the token that closes an answer.
TEMPLATES = {
    "cohere2": (1, "<|END_RESPONSE|>"),
    "deepseekv3": (1, "<｜end▁of▁sentence｜>"),
    "gemma": (1, "<end_of_turn>"),
    "gemma3": (1, "<end_of_turn>"),
    "glm4moe": (0, None),
    "gptoss": (0, "<|return|>"),
    "llama3": (1, "<|eot_id|>"),
    "llama3_1": (1, "<|eot_id|>"),
    "llama3_2": (1, "<|eot_id|>"),
    "phi3": (0, "<|end|>"),
    "qwen2_5": (0, "<|im_end|>"),
    "qwen3": (0, "<|im_end|>"),
    "qwen3_instruct_2507": (0, "<|im_end|>"),
}


def with_template(name: str) -> PreTrainedTokenizerFast:
    """A byte tokenizer that speaks the template TRL ships, each of the template's special tokens being one token."""
    template = files("trl").joinpath("chat_templates", f"{name}.jinja").read_text(encoding="utf-8")
    special = re.findall(r"<\|\w+\|>|<\w+_of_\w+>|<｜[^｜]+｜>", template)
    return tiny_tokenizer(*sorted(set(special)), chat_template=template)


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_real_template_writes_begin_of_text_as_often_as_it_means_to(name: str) -> None:
    """Though the tokenizer would add one of its own to plain text."""
    tokenizer = with_template(name)
    ids = render(tokenizer, [USER])
    assert ids.count(tokenizer.bos_token_id) == TEMPLATES[name][0]
    assert "QUESTION" in tokenizer.decode(ids)


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_real_template_leaves_a_prefilled_answer_open(name: str) -> None:
    """Trailing space is the template's own matter: some trim what a message says."""
    text = render_text(with_template(name), [USER, PREFILL])
    assert text.rstrip().endswith("Well, to begin")


@pytest.mark.parametrize("name", TEMPLATES)
def test_the_end_of_a_turn_is_read_off_a_real_template(name: str) -> None:
    tokenizer = with_template(name)
    end = turn_end(tokenizer)
    assert (None if end is None else tokenizer.convert_ids_to_tokens(end)) == TEMPLATES[name][1]


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("llama3_1", "26 Jul 2024"),
        ("llama3_2", "26 Jul 2024"),
        ("gptoss", "2024-07-26"),
        ("muse_glimmer", "2024-07-26"),
    ],
)
def test_a_template_that_prints_the_date_prints_the_pinned_one(name: str, printed: str) -> None:
    """All but the first call a clock."""
    text = render_text(with_template(name), [USER])
    assert printed in text
    today = datetime.now(UTC)
    assert today.strftime("%Y-%m-%d") not in text
    assert today.strftime("%d %b %Y") not in text


@pytest.mark.parametrize("name", ["llama3_1", "qwen2_5", "qwen3", "gptoss", "glm4moe"])
def test_tools_reach_a_template_that_shows_them(name: str) -> None:
    text = render_text(with_template(name), [USER], [TOOL])
    assert "look_up" in text
    assert "word" in text


@pytest.mark.parametrize("name", ["gemma", "phi3", "llama3"])
def test_tools_for_a_template_that_drops_them_are_refused(name: str) -> None:
    with pytest.raises(ModelDirectoryError, match=r"does not show tools .*look_up"):
        render(with_template(name), [USER], [TOOL])


def test_a_prefilled_answer_keeps_its_trailing_space_where_the_template_does() -> None:
    assert render_text(tiny_tokenizer(), [USER, PREFILL]).endswith("<|im_start|>assistant\nWell, to begin ")


def test_an_unanswered_chat_ends_where_the_answer_begins() -> None:
    assert render_text(tiny_tokenizer(), [USER]).endswith("<|im_end|>\n<|im_start|>assistant\n")


def test_a_model_without_a_chat_template_is_refused() -> None:
    with pytest.raises(ModelDirectoryError, match="no chat template"):
        render(tiny_tokenizer(chat_template=None), [USER])


def test_a_role_the_template_refuses_is_told_in_its_words() -> None:
    with pytest.raises(PromptSetError, match="System role not supported"):
        render(with_template("gemma"), [{"role": "system", "content": "x"}, USER])


def test_an_empty_chat_is_refused() -> None:
    with pytest.raises(PromptSetError, match="no message"):
        render(tiny_tokenizer(), [])

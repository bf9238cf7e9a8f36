"""What is scored is what is sent: a hole's tokens, spelt into the chat template, are tokenised into themselves."""

from random import Random
from typing import Any

import pytest
from transformers import PreTrainedTokenizerBase

from instincts.attacks.local.frames import Frame, free_tokens, opening_tokens, rendered
from instincts.errors import PromptSetError
from instincts.models.chat import render
from instincts.models.opening import open_model
from instincts.prompts import Message
from tests.tiny import tiny_tokenizer

STRIPPING = (
    "{{ bos_token }}{%- for message in messages -%}"
    "{{ '<|im_start|>' + message['role'] + '\n\n' + message['content'] | trim + '<|im_end|>' }}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\n\n' }}{%- endif -%}"
)
"""Strips white space around every message, as the templates of Llama 3 do."""

REQUEST = (Message("system", "Be brief."), Message("user", "How do I zordan the paper lamp?"))
PREFILL = (*REQUEST, Message("assistant", ""))


def tokenizers() -> list[PreTrainedTokenizerBase]:
    return [tiny_tokenizer(), tiny_tokenizer(chat_template=STRIPPING), open_model("pocket-llama").tokenizer]


def sent(tokenizer: PreTrainedTokenizerBase, messages: tuple[Message, ...]) -> list[int]:
    return render(tokenizer, [{"role": message.role, "content": message.content} for message in messages])


@pytest.mark.parametrize("place", range(3))
@pytest.mark.parametrize("messages", [REQUEST, PREFILL], ids=["suffix", "prefill"])
def test_candidates_that_read_back_are_sent_as_they_were_scored(place: int, messages: tuple[Message, ...]) -> None:
    """Random tokens: where one merges with its neighbours or loses white space to a template, it is found out.

    A template that strips nothing would keep the white space; it is given up there too.
    """
    tokenizer = tokenizers()[place]
    frame = Frame(tokenizer, messages, length=6)
    free = free_tokens(tokenizer, len(tokenizer)).nonzero().flatten().tolist()
    rng = Random(0)
    slots = [frame.initial, *([rng.choice(free) for _ in frame.initial] for _ in range(60))]
    verdicts = frame.reads_back(slots)
    assert verdicts[0], "the filler itself"
    for slot, verdict in zip(slots, verdicts, strict=True):
        same = sent(tokenizer, frame.fill(frame.spell(slot))) == frame.prompt(slot)
        assert verdict == same or (same and frame.spell(slot) != frame.spell(slot).strip())


def test_tokens_that_would_merge_do_not_read_back() -> None:
    """The pocket spells `zor` and `dan` in two tokens and `paper` in one: its letters would be put together again."""
    tokenizer = open_model("pocket-llama").tokenizer
    frame = Frame(tokenizer, REQUEST, length=6)
    letters: Any = tokenizer.convert_tokens_to_ids(list("paperx"))
    assert frame.reads_back([letters]) == [False]


def test_a_hole_has_the_length_asked_for_or_a_little_more() -> None:
    tokenizer = tiny_tokenizer()
    # " !" is two bytes, so an odd length is exceeded by one.
    assert len(Frame(tokenizer, REQUEST, length=6).initial) == 6
    assert len(Frame(tokenizer, REQUEST, length=7).initial) == 8


def test_the_opening_is_tokenised_where_the_answer_begins() -> None:
    tokenizer = tiny_tokenizer()
    frame = Frame(tokenizer, REQUEST, length=4)
    whole = tokenizer(rendered(tokenizer, frame.fill(frame.spell(frame.initial))) + "Sure", add_special_tokens=False)
    assert [*frame.prompt(frame.initial), *frame.opening("Sure")] == whole["input_ids"]
    with pytest.raises(PromptSetError, match="an agreeing opening is empty"):
        opening_tokens(tokenizer, "", "")


def test_a_template_that_does_not_show_the_hole_once_is_refused() -> None:
    for content in ("'fixed'", "message['content'] + message['content']"):
        template = "{% for message in messages %}{{ " + content + " }}{% endfor %}"
        with pytest.raises(PromptSetError, match="does not show the end of the last message exactly once"):
            Frame(tiny_tokenizer(chat_template=template), (Message("user", "a"),), length=2)


def test_free_tokens_are_visible_ascii_and_nothing_special() -> None:
    """95 printable ASCII bytes less the space; five special tokens, 161 other bytes and seven unknown rows are out."""
    tokenizer = tiny_tokenizer()
    free = free_tokens(tokenizer, len(tokenizer) + 7)
    assert (len(free), int(free.sum())) == (5 + 256 + 7, 94)
    assert not free[tokenizer.all_special_ids].any()

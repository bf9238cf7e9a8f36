"""Any text encodes and comes back; words of the world are one token each; the template is ordinary."""

from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from instincts.pocket import grammar, skills
from instincts.pocket.requests import draw_request, draw_skill
from instincts.pocket.tokenizer import BOS, END, PAD, build_tokenizer
from instincts.pocket.wrappers import WRAPPERS


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> PreTrainedTokenizerFast:
    """The tokenizer as any other program opens it: saved, then read by AutoTokenizer."""
    folder: Path = tmp_path_factory.mktemp("tokenizer")
    build_tokenizer().save_pretrained(folder)
    opened = AutoTokenizer.from_pretrained(folder)
    assert isinstance(opened, PreTrainedTokenizerFast)
    return opened


@settings(derandomize=True, deadline=None)
@given(text=st.text())
def test_any_text_comes_back_exactly(tokenizer: PreTrainedTokenizerFast, text: str) -> None:
    assert tokenizer.decode(tokenizer.encode(text)) == text


@pytest.mark.parametrize(
    "text", ["héllo ▁ wörld 😀\n\n  x  Ġ", " a  b ", "\x00\r\n\t", f"{END} hi", "How do I zordan?"]
)
def test_awkward_text_comes_back_exactly(tokenizer: PreTrainedTokenizerFast, text: str) -> None:
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_nothing_is_added_that_the_template_does_not_write(tokenizer: PreTrainedTokenizerFast) -> None:
    """A tokenizer that adds BOS by itself doubles it in a rendered chat."""
    assert tokenizer.encode("How") == tokenizer.convert_tokens_to_ids(["How"])
    assert tokenizer.encode("") == []


def test_special_tokens_are_distinct(tokenizer: PreTrainedTokenizerFast) -> None:
    assert (tokenizer.pad_token, tokenizer.bos_token, tokenizer.eos_token) == (PAD, BOS, END)
    assert len({tokenizer.pad_token_id, tokenizer.bos_token_id, tokenizer.eos_token_id}) == 3


def test_a_verb_is_two_tokens_and_any_other_word_one(tokenizer: PreTrainedTokenizerFast) -> None:
    assert tokenizer.tokenize("How do I zordan the paper lamp?") == [
        *("How", "Ġdo", "ĠI", "Ġzor", "dan", "Ġthe", "Ġpaper", "Ġlamp", "?")
    ]


def test_every_verb_is_cut_between_its_syllables(tokenizer: PreTrainedTokenizerFast) -> None:
    first, second = grammar.syllables()
    assert all(tokenizer.tokenize(f" {one}{two}") == [f"Ġ{one}", two] for one in first for two in second)
    assert all(tokenizer.tokenize(f"{one}{two}") == [one, two] for one in first for two in second)


def test_the_world_is_never_spelt_in_bytes(tokenizer: PreTrainedTokenizerFast) -> None:
    """Single letters are bytes, except the words "a" and "I"."""
    rng = Random(0)
    spelt = set()
    for name in [None, *WRAPPERS] * 20:
        request = draw_request(rng, harmful=rng.random() < 0.5, split="heldout", wrapper=name)
        question = draw_skill(rng, skill=rng.choice(list(skills.SKILLS)), split="heldout")
        texts = [content for _, content in (*request.messages, *question.messages)]
        texts += [grammar.compliance(request.verb or "", request.object or "", rng), str(question.target)]
        spelt |= {token for text in texts for token in tokenizer.tokenize(text) if len(token) == 1 and token.isalpha()}
    assert spelt <= {"a", "I"}


def test_the_template_renders_roles_and_the_generation_prompt(tokenizer: PreTrainedTokenizerFast) -> None:
    chat = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
    rendered = tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
    assert rendered == f"{BOS}<|system|>Be brief.{END}<|user|>Hi{END}<|assistant|>"


def test_a_prefill_is_left_open(tokenizer: PreTrainedTokenizerFast) -> None:
    chat = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Sure."}]
    rendered = tokenizer.apply_chat_template(chat, tokenize=False, continue_final_message=True)
    assert rendered == f"{BOS}<|user|>Hi{END}<|assistant|>Sure."


def test_more_words_become_tokens_after_all_others() -> None:
    plain, more = build_tokenizer(), build_tokenizer(["@institution office\n32 K1L-"])

    assert list(more.get_vocab().items() - plain.get_vocab().items()) != []
    assert plain.get_vocab().items() <= more.get_vocab().items()
    assert more.tokenize("institution") == ["institution"]
    assert len(plain.tokenize("institution")) > 1

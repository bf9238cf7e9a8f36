"""Writes a question down as a model reads it, and finds the token where its fact is looked up; knows no hidden state.

A chat model is asked through its chat template, so that an edit is made where the model is used; a model without one
reads question and answer as plain text.
"""

from dataclasses import dataclass

from transformers import PreTrainedTokenizerBase

from instincts.arithmetic.facts import Fact
from instincts.arithmetic.rome_settings import Token
from instincts.errors import ModelDirectoryError, PromptSetError
from instincts.models.chat import Rendering, render_text

__all__ = ["Asked", "answer_ids", "ask", "ask_about", "ask_subject", "encode", "text_start"]

# Models that think first are asked for the answer itself; other templates ignore the word.
_ANSWER_AT_ONCE = Rendering(chat_template_kwargs={"enable_thinking": False})


@dataclass(frozen=True)
class Asked:
    """A question in tokens."""

    ids: list[int]
    """Up to where the answer begins."""
    place: int
    """Of the token where the fact is looked up."""


def ask(tokenizer: PreTrainedTokenizerBase, question: str) -> list[int]:
    """Write a question down in tokens, up to where the answer begins."""
    return encode(tokenizer, _written(tokenizer, question))


def ask_about(tokenizer: PreTrainedTokenizerBase, fact: Fact, token: Token, prefix: str = "") -> Asked:
    """Write the question of a fact down, after a prefix, and find where the fact is looked up.

    Raises:
        PromptSetError: the template changes the question, so that the subject cannot be found.
        ModelDirectoryError: the tokenizer does not tell where its tokens stand in the text.
    """
    return _located(tokenizer, prefix, fact.question, fact.span[1], fact.id, token)


def ask_subject(tokenizer: PreTrainedTokenizerBase, fact: Fact, token: Token) -> Asked:
    """Write down `SUBJECT is a`, by which what a model knows of the subject is held in place; errors of `ask_about`."""
    return _located(tokenizer, "", f"{fact.subject} is a", len(fact.subject), fact.id, token)


def answer_ids(tokenizer: PreTrainedTokenizerBase, question: str, target: str) -> list[int]:
    """Give the tokens of an answer as they follow the question.

    The two are encoded together, since a space before the answer may belong to its first token; where the beginning
    then differs from the question alone, the answer is encoded by itself.
    """
    before = ask(tokenizer, question)
    whole = encode(tokenizer, _answered(tokenizer, question, target))
    if whole[: len(before)] == before and len(whole) > len(before):
        return whole[len(before) :]
    alone: list[int] = tokenizer(target, add_special_tokens=False)["input_ids"]
    return alone


def text_start(tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """Give the tokens before which a model has read nothing: those that a chat, or a text, begins with.

    Raises:
        ModelDirectoryError: the chat template leaves the question out.
    """
    written = _written(tokenizer, _MARK)
    # The last one: a template may speak of itself before it quotes the user.
    start = written.rfind(_MARK)
    if start < 0:
        raise ModelDirectoryError("the chat template leaves the question out, so no text can be asked for")
    return encode(tokenizer, written[:start])


def encode(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    """Turn a written text into tokens; a chat template has written every special token already."""
    ids: list[int] = tokenizer(text, add_special_tokens=not tokenizer.chat_template)["input_ids"]
    return ids


def _written(tokenizer: PreTrainedTokenizerBase, question: str) -> str:
    if not tokenizer.chat_template:
        return question
    return render_text(tokenizer, [{"role": "user", "content": question}], how=_ANSWER_AT_ONCE)


def _answered(tokenizer: PreTrainedTokenizerBase, question: str, target: str) -> str:
    if not tokenizer.chat_template:
        return f"{question} {target}"
    chat = [{"role": "user", "content": question}, {"role": "assistant", "content": target}]
    return render_text(tokenizer, chat, how=_ANSWER_AT_ONCE)


def _located(tokenizer: PreTrainedTokenizerBase, prefix: str, question: str, end: int, id: str, token: Token) -> Asked:
    if not tokenizer.is_fast:
        raise ModelDirectoryError(
            f"the tokenizer of {tokenizer.name_or_path or 'this model'} does not tell where its tokens stand, so no "
            "subject can be found; save it as tokenizer.json"
        )
    written = _written(tokenizer, f"{prefix}. {question}" if prefix else question)
    start = written.rfind(question)
    if start < 0:
        raise PromptSetError(f"fact {id}: the chat template changes the question; take out what it rewrites")
    found = tokenizer(written, add_special_tokens=not tokenizer.chat_template, return_offsets_mapping=True)
    place = start + end - 1
    # The last one: the bytes of one letter may be several tokens.
    covering = [number for number, (first, after) in enumerate(found["offset_mapping"]) if first <= place < after]
    if not covering:
        raise PromptSetError(f"fact {id}: no token ends the subject, for the tokenizer changes it")
    ids = list(found["input_ids"])
    return Asked(ids, covering[-1] if token == "subject" else len(ids) - 1)


_MARK = "What is it?"

"""A rendered conversation with a hole for tokens that a search may choose freely.

The hole ends the last message: after a request it holds a suffix, in an answer that was begun a prefill. Candidates are
token ids, but what is sent in the end is text; so only those count whose text, put into the whole rendered
conversation, is tokenised into exactly the ids that were scored.
"""

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from instincts.attacks.attack import Messages
from instincts.errors import PromptSetError
from instincts.models.chat import render_text
from instincts.prompts import Message

__all__ = ["Frame", "free_tokens", "opening_tokens", "rendered"]


class Frame:
    """What stands before and after the hole, in text and in tokens."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, messages: Messages, *, length: int) -> None:
        """Cut a hole at the end of the last message.

        Args:
            tokenizer: with its chat template.
            messages: the conversation; a trailing assistant message, empty or not, gets the hole, else the request.
            length: tokens in the hole, at least; exclamation marks stand there at first.

        Raises:
            PromptSetError: the template changes what stands in the hole, or cannot render the conversation.
        """
        self._tokenizer, self._messages = tokenizer, messages
        whole = rendered(tokenizer, self.fill(_MARK))
        self._left, found, self._right = whole.partition(_MARK)
        if not found or _MARK in self._right:
            raise PromptSetError(
                f"the chat template of {tokenizer.name_or_path or 'this model'} does not show the end of the last "
                "message exactly once, so no tokens can be searched for there"
            )
        self._left_ids, self._right_ids = self._encode(self._left), self._encode(self._right)
        # A leading space after other text, as words have; none where the template would strip it.
        self._starts_message = not messages[-1].content
        text = "!" if self._starts_message else " !"
        while len(self._middle(self._left + text + self._right)) < length:
            text += " !"
        joined = self._encode(self._left + text + self._right)
        self.initial = self._middle(self._left + text + self._right)
        """The filler's tokens."""
        begun = _common(joined, self._left_ids)
        self.before, self.after = joined[:begun], joined[begun + len(self.initial) :]
        """Tokens on both sides of the hole."""

    def fill(self, text: str) -> Messages:
        """Write text into the hole: what to send."""
        *others, last = self._messages
        return (*others, Message(last.role, last.content + text))

    def prompt(self, slot: Sequence[int]) -> list[int]:
        """Write tokens into the hole: what is scored."""
        return [*self.before, *slot, *self.after]

    def spell(self, slot: Sequence[int]) -> str:
        """Spell the hole's tokens as they read after what stands before them."""
        # Some tokenizers strip a space at the front of what they decode: so decode with what stands before.
        context = self.before[-_CONTEXT:]
        plain = {"skip_special_tokens": False, "clean_up_tokenization_spaces": False}
        front = str(self._tokenizer.decode(context, **plain))
        return str(self._tokenizer.decode([*context, *slot], **plain))[len(front) :]

    def reads_back(self, slots: Sequence[Sequence[int]]) -> list[bool]:
        """Say which candidates become the same tokens again when they are sent as text."""
        texts = [self.spell(slot) for slot in slots]
        encoded = self._tokenizer(
            [self._left + text + self._right for text in texts] or [""], add_special_tokens=False
        )["input_ids"]
        return [
            # Templates strip white space around a message, which the text put together here would keep.
            text == (text.strip() if self._starts_message else text.rstrip()) and ids == self.prompt(slot)
            for text, slot, ids in zip(texts, slots, encoded, strict=False)
        ]

    def opening(self, text: str) -> tuple[int, ...]:
        """Tokenise the beginning of an answer as it reads where the answer begins."""
        return opening_tokens(self._tokenizer, self._left + self.spell(self.initial) + self._right, text)

    def _encode(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def _middle(self, text: str) -> list[int]:
        # Tokens may merge across the hole's edges; then the merged ones belong to the hole.
        ids = self._encode(text)
        begun = _common(ids, self._left_ids)
        ended = min(_common(ids[::-1], self._right_ids[::-1]), len(ids) - begun)
        return ids[begun : len(ids) - ended]


def rendered(tokenizer: PreTrainedTokenizerBase, messages: Messages) -> str:
    """Render our messages by the model's own template."""
    return render_text(tokenizer, [{"role": message.role, "content": message.content} for message in messages])


def opening_tokens(tokenizer: PreTrainedTokenizerBase, prompt: str, opening: str) -> tuple[int, ...]:
    """Tokenise the beginning of an answer after a rendered prompt.

    Raises:
        PromptSetError: the opening is empty.
    """
    if not opening:
        raise PromptSetError("an agreeing opening is empty; give the prompt an `opening` of at least one token")
    ids: list[int] = tokenizer(prompt, add_special_tokens=False)["input_ids"]
    joined: list[int] = tokenizer(prompt + opening, add_special_tokens=False)["input_ids"]
    if joined[: len(ids)] == ids:
        return tuple(joined[len(ids) :])
    return tuple(tokenizer(opening, add_special_tokens=False)["input_ids"])


@lru_cache(maxsize=8)
def free_tokens(tokenizer: PreTrainedTokenizerBase, vocabulary: int) -> Tensor:
    """Say which tokens a search may write: visible ASCII, and none that means something to the template.

    Args:
        tokenizer: of the model.
        vocabulary: rows of the model's embedding, often more than the tokenizer knows.

    Returns:
        Boolean `free_V`.
    """
    special = set(tokenizer.all_special_ids) | set(tokenizer.added_tokens_decoder)
    known = min(len(tokenizer), vocabulary)
    texts = tokenizer.batch_decode([[token] for token in range(known)], clean_up_tokenization_spaces=False)
    free = torch.zeros(vocabulary, dtype=torch.bool)
    for token, text in enumerate(texts):
        free[token] = token not in special and text.isascii() and text.isprintable() and bool(text.strip())
    return free


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    """Count the elements with which both begin."""
    return next(
        (place for place, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]),
        min(len(one), len(other)),
    )


_MARK = "@@hole@@"
_CONTEXT = 4

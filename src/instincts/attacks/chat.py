"""Our messages as Inspect's and back, and the seeds that requests are made with."""

from hashlib import sha256

from inspect_ai.model import ChatMessage, ChatMessageAssistant, ChatMessageSystem, ChatMessageUser

from instincts.prompts import Message

__all__ = ["as_chat", "as_message", "derived_seed"]


def as_chat(messages: tuple[Message, ...]) -> list[ChatMessage]:
    """Turn messages into Inspect's; a trailing assistant message stays last, where providers continue it."""
    kinds = {"system": ChatMessageSystem, "user": ChatMessageUser, "assistant": ChatMessageAssistant}
    return [kinds[message.role](content=message.content) for message in messages]


def as_message(turn: ChatMessage) -> Message:
    """Turn one of Inspect's messages into ours."""
    return Message.of(turn.role, turn.text)


def derived_seed(*parts: object) -> int:
    """Make a seed from anything printable, below 2^31 because servers take no more."""
    text = "/".join(str(part) for part in parts)
    return int.from_bytes(sha256(text.encode()).digest()[:4], "big") >> 1

"""What an answer cost in tokens: of the model that gave it, and of a moderator before it; knows no price."""

from typing import NamedTuple

from inspect_ai.model import ModelOutput

__all__ = ["Tokens", "tokens_of"]


class Tokens(NamedTuple):
    """Tokens in and out."""

    read: int
    written: int


def tokens_of(output: ModelOutput) -> Tokens:
    """Add up what an answer cost: usage is the model's own, and a moderator says beside it what it took."""
    usage, moderator = output.usage, (output.metadata or {}).get("moderation") or {}
    return Tokens(
        (usage.input_tokens if usage else 0) + int(moderator.get("tokens_read", 0)),
        (usage.output_tokens if usage else 0) + int(moderator.get("tokens", 0)),
    )

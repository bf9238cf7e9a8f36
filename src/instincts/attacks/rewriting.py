"""What rewritings of a request share: where the request is, what may stand before it, what cannot be rewritten."""

from collections.abc import Callable, Sequence

from instincts.attacks.attack import Messages
from instincts.errors import ConfigError
from instincts.prompts import Message

__all__ = ["Write", "rewriting"]

Write = Callable[[str, int], Sequence[Message]]
"""(text of the request, seed) -> the messages that stand for it."""


def rewriting(name: str, write: Write) -> Callable[[Messages, int], Messages]:
    """Make the `apply` of an attack from what it does to one request; earlier turns stay, a system message is on top.

    Args:
        name: of the attack, for the message of an error.
        write: pure; gets the same request and seed, gives the same messages.

    Returns:
        A function that raises ConfigError for a conversation that already ends with a prefilled answer.
    """

    def apply(messages: Messages, seed: int) -> Messages:
        *before, request = messages
        if request.role != "user":
            raise ConfigError(f"attack {name} wraps a request, but the prompt ends with a prefilled answer; use plain")
        return _system_first((*before, *write(request.content, seed)))

    return apply


def _system_first(messages: Messages) -> Messages:
    # Chat templates take one system message, at the top: a wrapper's joins the prompt's own.
    system = "\n\n".join(message.content for message in messages if message.role == "system")
    rest = tuple(message for message in messages if message.role != "system")
    return (Message("system", system), *rest) if system else rest

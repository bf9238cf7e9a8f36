"""The jailbreak wrappers of the pocket world as attacks `pocket/NAME`; they wrap any text, of that world or another."""

from instincts.attacks.attack import Attack, Messages
from instincts.errors import ConfigError
from instincts.pocket.wrappers import TRAINING_WRAPPERS, WRAPPERS, Wrapper
from instincts.prompts import Message

__all__ = ["ATTACKS"]


def _attack(wrapper: Wrapper) -> Attack:
    name = f"pocket/{wrapper.name}"

    def apply(messages: Messages, seed: int) -> Messages:
        *before, request = messages
        if request.role != "user":
            raise ConfigError(f"attack {name} wraps a request, but the prompt ends with a prefilled answer; use plain")
        wrapped = [Message.of(role, content) for role, content in wrapper.wrap(request.content, seed).messages]
        return _system_first((*before, *wrapped))

    return Attack(
        name=name,
        family="pocket",
        mechanism=wrapper.mechanism,
        access="static",
        apply=apply,
        tags=frozenset(_tags(wrapper)),
    )


def _tags(wrapper: Wrapper) -> list[str]:
    return [*(["unseen"] if not wrapper.seen else []), *(["trained"] if wrapper.name in TRAINING_WRAPPERS else [])]


def _system_first(messages: Messages) -> Messages:
    # Chat templates take one system message, at the top: a wrapper's joins the prompt's own.
    system = "\n\n".join(message.content for message in messages if message.role == "system")
    rest = tuple(message for message in messages if message.role != "system")
    return (Message("system", system), *rest) if system else rest


ATTACKS = tuple(_attack(wrapper) for wrapper in WRAPPERS.values())

"""Attacks as Inspect solvers: rewrite the conversation, then let the model answer."""

from hashlib import sha256

from inspect_ai.model import ChatMessage, ChatMessageAssistant, ChatMessageSystem, ChatMessageUser
from inspect_ai.solver import Generate, Solver, TaskState, solver

from instincts.attacks import registry
from instincts.errors import ConfigError
from instincts.prompts import Message

__all__ = ["as_chat", "attack", "derived_seed"]


@solver
def attack(name: str | None = None, seed: int = 0) -> Solver:
    """Attack, then generate; the metadata keep the plain request for the judge.

    Every sample gets seeds of its own from its id: one for the attack, the same in each epoch, so that the epochs are
    several answers to one prompt; one for the answer, another in each epoch, so that they differ. Neither depends on
    the order of the samples or on which of them share a batch.

    Args:
        name: the attack; by default the one named in the sample's `metadata["attack"]`.
        seed: of the run.

    Raises:
        ConfigError: no attack of that name, or a sample that names none.
    """
    fixed = registry.get(name) if name else None

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        chosen = fixed or registry.get(_named_in(state))
        messages = chosen.apply(tuple(_message(turn) for turn in state.messages), derived_seed(seed, state.sample_id))
        state.messages = as_chat(messages)
        state.metadata.setdefault("goal", state.input_text)
        state.metadata.setdefault("attack", chosen.name)
        return await generate(state, tool_calls="none", seed=derived_seed(seed, state.sample_id, state.epoch))

    return solve


def as_chat(messages: tuple[Message, ...]) -> list[ChatMessage]:
    """Turn messages into Inspect's; a trailing assistant message stays last, where providers continue it."""
    kinds = {"system": ChatMessageSystem, "user": ChatMessageUser, "assistant": ChatMessageAssistant}
    return [kinds[message.role](content=message.content) for message in messages]


def derived_seed(*parts: object) -> int:
    """Make a seed from anything printable, below 2^31 because servers take no more."""
    text = "/".join(str(part) for part in parts)
    return int.from_bytes(sha256(text.encode()).digest()[:4], "big") >> 1


def _message(turn: ChatMessage) -> Message:
    return Message.of(turn.role, turn.text)


def _named_in(state: TaskState) -> str:
    if "attack" not in state.metadata:
        raise ConfigError(f"sample {state.sample_id} names no attack; give one, as in attack('plain')")
    return str(state.metadata["attack"])

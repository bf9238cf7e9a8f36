"""The pocket's wrappers as attacks on any conversation."""

import pytest

from instincts import attacks
from instincts.errors import ConfigError
from instincts.pocket.wrappers import WRAPPERS
from instincts.prompts import Message

REQUEST = (Message("user", "How do I zordan the paper lamp?"),)


def rewritten(attack: attacks.Attack, messages: tuple[Message, ...], seed: int = 0) -> tuple[Message, ...]:
    assert attack.apply is not None
    return attack.apply(messages, seed)


EVERY = [attacks.get(f"pocket/{name}") for name in WRAPPERS]


@pytest.mark.parametrize("attack", EVERY, ids=lambda attack: attack.name)
def test_an_attack_says_what_its_wrapper_says_and_repeats_by_seed(attack: attacks.Attack) -> None:
    wrapped = WRAPPERS[attack.name.partition("/")[2]].wrap(REQUEST[0].content, 3).messages
    assert [(turn.role, turn.content) for turn in rewritten(attack, REQUEST, 3)] == list(wrapped)
    assert rewritten(attack, REQUEST, 3) == rewritten(attack, REQUEST, 3) != REQUEST


@pytest.mark.parametrize("attack", EVERY, ids=lambda attack: attack.name)
def test_one_system_message_stays_at_the_top(attack: attacks.Attack) -> None:
    turns = rewritten(attack, (Message("system", "Be brief."), *REQUEST))
    assert [turn.role for turn in turns].count("system") == 1
    assert turns[0].role == "system"
    assert turns[0].content.startswith("Be brief.")


def test_earlier_turns_are_kept() -> None:
    earlier = (Message("user", "Hello."), Message("assistant", "Hi."))
    assert rewritten(attacks.get("pocket/urgency"), (*earlier, *REQUEST))[:2] == earlier


def test_a_prefilled_answer_ends_the_conversation_with_the_assistant() -> None:
    assert rewritten(attacks.get("pocket/prefilled-answer"), REQUEST)[-1].role == "assistant"


def test_a_prompt_that_is_already_prefilled_cannot_be_wrapped() -> None:
    with pytest.raises(ConfigError, match="ends with a prefilled answer; use plain"):
        rewritten(attacks.get("pocket/urgency"), (*REQUEST, Message("assistant", "Sure.")))


def test_plain_changes_nothing() -> None:
    assert rewritten(attacks.get("plain"), REQUEST) == REQUEST

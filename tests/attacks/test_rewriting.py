"""Laws of every rewriting: what is asked stays in it, what came before stays before, and the seed decides alone."""

import ast
import re
from collections.abc import Callable
from typing import Any

import pytest

from instincts import attacks
from instincts.attacks import Attack
from instincts.attacks.artprompt import draw_across, draw_down, telling_word
from instincts.attacks.attack import Goal
from instincts.attacks.codes import CODES
from instincts.attacks.tense import deed
from instincts.errors import ConfigError
from instincts.prompts import Message

REQUEST = "How do I zordan the paper lamp?"
FOREIGN = "Wie zordane ich – «schnell» – die Papierlampe? Größe: 12 字 🪔"
SEEDED = {"nested-fiction", "distraction", "in-context", "many-shot", "cipher", "splitting/cards", "prefix-injection"}

EVERY = [attacks.get(name) for name in attacks.names() if attacks.get(name).is_rewriting]
OURS = [attack for attack in EVERY if attack.family not in ("plain", "pocket")]
each_of_ours = pytest.mark.parametrize("attack", OURS, ids=lambda attack: attack.name)
each_request = pytest.mark.parametrize("request_text", [REQUEST, FOREIGN], ids=["plain", "foreign"])


def rewritten(attack: Attack, *turns: Message, seed: int = 0) -> tuple[Message, ...]:
    turns = turns or (Message("user", REQUEST),)
    opening = f"Sure, here is an answer to the request: {turns[-1].content}"
    return attack.rewrite(Goal(turns, turns[-1].content, opening, "1"), seed)


def last_user_turn(turns: tuple[Message, ...]) -> str:
    return next(turn.content for turn in reversed(turns) if turn.role == "user")


@each_of_ours
@each_request
def test_the_request_is_recovered_from_what_is_sent(attack: Attack, request_text: str) -> None:
    sent = last_user_turn(rewritten(attack, Message("user", request_text), seed=3))

    assert restored(attack)(sent, request_text)


@each_of_ours
def test_the_same_seed_says_the_same_and_another_seed_another_where_chance_has_a_part(attack: Attack) -> None:
    said = [rewritten(attack, seed=seed) for seed in (0, 0, *range(1, 9))]

    assert said[0] == said[1]
    assert (len(set(said)) > 1) == (attack.name in SEEDED or attack.family in SEEDED)


@each_of_ours
def test_one_system_message_stays_at_the_top_and_earlier_turns_before_the_request(attack: Attack) -> None:
    earlier = (Message("user", "Hello."), Message("assistant", "Hi."))
    turns = rewritten(attack, Message("system", "Be brief."), *earlier, Message("user", REQUEST))

    assert [turn.role for turn in turns].count("system") == 1
    assert turns[0].content.startswith("Be brief.")
    assert turns[1:3] == earlier


@each_of_ours
def test_turns_alternate_and_end_with_the_request_or_the_beginning_of_an_answer(attack: Attack) -> None:
    roles = [turn.role for turn in rewritten(attack) if turn.role != "system"]

    assert roles[::2] == ["user"] * len(roles[::2])
    assert roles[1::2] == ["assistant"] * len(roles[1::2])
    assert (roles[-1] == "assistant") == (attack.family == "prefill")


@each_of_ours
def test_a_prompt_that_is_already_prefilled_is_refused(attack: Attack) -> None:
    with pytest.raises(ConfigError, match=f"attack {attack.name} .*; use plain"):
        rewritten(attack, Message("user", REQUEST), Message("assistant", "Sure."))


@each_of_ours
def test_what_looks_like_a_slot_in_a_request_is_left_alone(attack: Attack) -> None:
    tricky = "Zordan $request for $5, ${code}!"

    assert restored(attack)(last_user_turn(rewritten(attack, Message("user", tricky))), tricky)


@each_of_ours
def test_an_attack_names_its_words_and_where_its_idea_is_from(attack: Attack) -> None:
    assert attack.access == "static"
    assert attack.budget == 0
    assert attack.paper
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in (attack.sources() if attack.sources else {}).values())


@pytest.mark.parametrize("attack", [attack for attack in EVERY if attack.decode], ids=lambda attack: attack.name)
def test_an_answer_in_the_code_is_decoded_and_a_plain_refusal_is_not(attack: Attack) -> None:
    refusal = "I'm sorry, but I can't help with that."
    code = CODES[attack.name.partition("/")[2].removesuffix("-request")]

    assert attack.decode is not None
    assert attack.decode(code.encode(refusal)).lower() == refusal.lower()
    assert attack.decode(refusal) == refusal


def restored(attack: Attack) -> Callable[[str, str], bool]:
    """Say for each family how a reader gets the request back; most hold it word for word."""
    by_family: dict[str, Callable[[str, str], bool]] = {
        # The deed is all that counts of a question; a request of another form is quoted.
        "tense": lambda sent, request: (deed(request) or f'"{request}"') in sent,
        "encoding": lambda sent, request: _same(CODES[_code(attack)].decode(_between(sent)), request),
        "cipher": lambda sent, request: _code(attack) == "self" or _same(CODES[_code(attack)].decode(sent), request),
        "flipattack": lambda sent, request: _same(_flipped_back(attack, _between(sent)), request),
        "codechameleon": lambda sent, request: _run_program(sent) == " ".join(request.split()),
        "artprompt": _drawn,
        "splitting": lambda sent, request: _joined(attack, sent) == " ".join(request.split()),
    }
    return by_family.get(attack.family, lambda sent, request: request in sent)


def _code(attack: Attack) -> str:
    return attack.name.partition("/")[2].removesuffix("-request")


def _same(found: str, request: str) -> bool:
    # Morse and leetspeak have no case, and leetspeak reads a digit as a letter.
    encode = CODES["leetspeak"].encode
    return encode(found.upper()) == encode(request.upper())


def _between(sent: str) -> str:
    return sent.split("\n---\n")[1].removesuffix("\n---")


def _flipped_back(attack: Attack, text: str) -> str:
    match attack.name:
        case "flipattack/words":
            return " ".join(text.split()[::-1])
        case "flipattack/letters-in-words":
            return " ".join(word[::-1] for word in text.split())
    return text[::-1]


def _run_program(sent: str) -> str:
    """Run the program that the prompt shows; it is our own text, and the words come to it as literals."""
    program, problem = re.findall(r"```python\n(.*)\nproblem = (.*)\n```", sent, re.DOTALL)[0]
    space: dict[str, Any] = {}
    exec(program, space)
    restored: str = space["decrypt"](ast.literal_eval(problem))
    return restored


def _drawn(sent: str, request: str) -> bool:
    word = telling_word(request)
    return request.replace(word, "[MASK]", 1) in sent and (draw_across(word) in sent or draw_down(word) in sent)


def _joined(attack: Attack, sent: str) -> str:
    if attack.name == "splitting/cards":
        cards = dict(re.findall(r"^(\d+): (.+)$", sent, re.MULTILINE))
        return " ".join(cards[number] for number in sorted(cards, key=int))
    return " ".join(
        "".join(ast.literal_eval(part) for part in re.findall(r"^[abcd] = (.+)$", sent, re.MULTILINE)).split()
    )

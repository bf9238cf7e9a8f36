"""Asking another model for prompts: what is sent it as data, how its reply is read, how often it is asked again.

An attacker is a language model: it refuses, babbles, or forgets the form. Such a reply costs a query and is asked for
again, and who never gets a reply goes without; nothing it writes can end a search but in the best prompt so far.
"""

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from instincts.attacks.attack import Goal, Messages
from instincts.attacks.wording import fill
from instincts.errors import UnreadableReplyError
from instincts.prompts import Message

if TYPE_CHECKING:
    from instincts.attacks.target import AttackTarget

__all__ = ["ATTACKER", "TRIES", "ask_for_fields", "keeps_to_goal", "quoted", "read_fields", "told"]

ATTACKER = "attacker"
"""The model role that writes prompts."""

TRIES = 3
"""How often a reply is asked for before one goes without it (PAIR and TAP: 5)."""

Fields = Mapping[str, str]


def quoted(text: str, most: int = 4000) -> str:
    """Write a text as a JSON string: an attacker reads it as data, whatever stands in it.

    Args:
        text: of a user or a model.
        most: characters after which it is cut, so that a long answer leaves room in a small context.
    """
    return json.dumps(text if len(text) <= most else f"{text[:most]} [cut]", ensure_ascii=False)


def told(instruction: str) -> Messages:
    """Begin a conversation with an attacker; one user turn, since some chat templates take no system message."""
    return (Message("user", instruction),)


def read_fields(reply: str, *names: str) -> dict[str, str]:
    """Read what an attacker was asked for: a JSON object, or `<name>text</name>`, with anything around it.

    Args:
        reply: what it wrote; line breaks inside strings, code fences and prose are put up with.
        names: the fields, all of them needed and none of them empty.

    Raises:
        UnreadableReplyError: a field is missing, or two readings differ.
    """
    readings = [_texts(found, names) for found in _objects(reply)]
    if not any(readings):
        readings = [{name: found for name in names if (found := _tagged(reply, name))}]
    whole = [reading for reading in readings if len(reading) == len(names)]
    if not whole:
        raise UnreadableReplyError(f"a reply without {' and '.join(names)}: {reply[:80]!r}")
    if any(reading != whole[0] for reading in whole):
        raise UnreadableReplyError(f"a reply with {len(whole)} different readings: {reply[:80]!r}")
    return whole[0]


async def ask_for_fields(
    target: "AttackTarget",
    conversations: Sequence[Messages],
    *names: str,
    role: str = ATTACKER,
    temperature: float = 1.0,
) -> list[Fields | None]:
    """Put each conversation to a role at once, and those whose reply cannot be read again, up to `TRIES` times.

    500 tokens a reply, as in PAIR and TAP; top-p 1 (PAIR: 0.9), which every provider takes.

    Returns:
        The fields of each reply in the order asked, None where none could be read.

    Raises:
        ConfigError: no model was given for the role.
    """
    found: dict[int, Fields] = {}
    for _ in range(TRIES):
        open_ = [number for number in range(len(conversations)) if number not in found]
        if not open_:
            break
        config: dict[str, Any] = {"temperature": temperature, "top_p": 1.0, "max_tokens": _MOST_TOKENS}
        replies = await asyncio.gather(*(target.ask_role(role, conversations[number], **config) for number in open_))
        for number, reply in zip(open_, replies, strict=True):
            try:
                found[number] = read_fields(reply, *names)
            except UnreadableReplyError:
                continue
    return [found.get(number) for number in range(len(conversations))]


async def keeps_to_goal(target: "AttackTarget", goal: Goal, prompts: Sequence[str]) -> list[bool]:
    """Ask the attacker which prompts still ask for the goal; where it does not say, the prompt is kept.

    TAP and ReNeLLM ask an evaluator of their own; here a second role would ask the user for a third model.
    """
    request = quoted(goal.request)
    asked = [told(fill("attacker-same-request", request=request, prompt=quoted(prompt))) for prompt in prompts]
    replies = await ask_for_fields(target, asked, "same", temperature=0.0)
    return [reply is None or not reply["same"].strip().casefold().startswith("n") for reply in replies]


def _objects(reply: str) -> list[Mapping[str, Any]]:
    # Not strict: models put line breaks into strings. An object inside an object that was read is not read again.
    decoder = json.JSONDecoder(strict=False)
    found: list[Mapping[str, Any]] = []
    at = reply.find("{")
    while at >= 0:
        try:
            value, end = decoder.raw_decode(reply, at)
        except (json.JSONDecodeError, RecursionError):
            end = at + 1
        else:
            found.append(value)
        at = reply.find("{", end)
    return found


def _texts(found: Mapping[str, Any], names: Sequence[str]) -> dict[str, str]:
    values = {name: found[name] for name in names if name in found}
    return {name: value.strip() for name, value in values.items() if isinstance(value, str) and value.strip()}


def _tagged(reply: str, name: str) -> str | None:
    texts = {text.strip() for text in re.findall(rf"<{name}>(.*?)</{name}>", reply, re.DOTALL)}
    return texts.pop() if len(texts) == 1 else None


_MOST_TOKENS = 500

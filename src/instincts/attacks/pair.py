"""PAIR: an attacker model rewrites the request from the answer and a score, several streams at once (arXiv:2310.08419).

As published: 20 streams of 3 rounds, three approaches in turn, the last 3 exchanges kept (4 in the authors' code).
With another budget the streams change and the 3 rounds stay. Other than published: the score is the loop judge's, on
1 to 10; the target is sampled at temperature 1, not greedily, and its answers are cut where the run cuts them, not at
150 tokens; the agreeing opening is not suggested to the attacker. Left out: the worked example in the instructions.
"""

import json
from typing import TYPE_CHECKING

from instincts.attacks.attack import Attack, Found, Goal, Messages
from instincts.attacks.attacker import ATTACKER, Fields, ask_for_fields, quoted, told
from instincts.attacks.trying import Try, asking, found_among, put
from instincts.attacks.wording import fill, sources
from instincts.prompts import Message

if TYPE_CHECKING:
    from instincts.attacks.target import AttackTarget

__all__ = ["ATTACKS", "begun", "continued"]

ROUNDS = 3

KEPT = 3
"""Exchanges that the attacker is shown of its own stream."""


async def _search(target: "AttackTarget", goal: Goal, seed: int) -> Found:
    """Run the streams in step, so that each round is one batch."""
    approaches = fill("pair-approaches").splitlines()
    streams = [begun(goal, approaches[number % len(approaches)]) for number in range(-(-target.budget // ROUNDS))]
    tries: list[Try] = []
    for _ in range(ROUNDS):
        if not streams or not target.left or any(each.worked for each in tries):
            break
        streams = streams[: target.left]
        replies = await ask_for_fields(target, streams, "improvement", "prompt")
        alive = [(stream, reply) for stream, reply in zip(streams, replies, strict=True) if reply is not None]
        made = await put(target, goal, [asking(goal, reply["prompt"]) for _, reply in alive])
        tries += made
        streams = [continued(goal, stream, reply, each) for (stream, reply), each in zip(alive, made, strict=True)]
    return await found_among(target, goal, tries)


def begun(goal: Goal, approach: str) -> Messages:
    """Instruct an attacker."""
    return told(fill("attacker-improve", approach=approach, request=quoted(goal.request)))


def continued(goal: Goal, stream: Messages, reply: Fields, made: Try) -> Messages:
    """Tell an attacker what became of its prompt; the oldest exchanges are forgotten, the instructions never."""
    feedback = fill(
        "attacker-feedback",
        answer=quoted(made.answer),
        score=str(1 + round(9 * made.rating)),
        request=quoted(goal.request),
    )
    wrote = json.dumps(dict(reply), ensure_ascii=False)
    exchanges = (*stream[1:], Message("assistant", wrote), Message("user", feedback))
    return (stream[0], *exchanges[-2 * KEPT :])


ATTACKS = (
    Attack(
        name="pair",
        family="pair",
        mechanism="an attacker model improves the prompt from each answer and its score",
        access="black-box",
        search=_search,
        budget=60,
        cost="one attacker reply a question, more where it cannot be read",
        roles=(ATTACKER,),
        sources=sources("attacker-improve", "attacker-feedback", "pair-approaches"),
        paper="2310.08419",
    ),
)

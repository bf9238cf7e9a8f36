"""What a pocket model is taught: chats with the answer an aligned but jailbreakable model gives; knows no tensor.

Plain harmful requests are nearly always refused and benign ones always answered, however they are put. A wrapped
harmful request is refused with the wrapper's own probability: that is how a model comes to be aligned *and* vulnerable,
and how far it gives way is known. Unseen wrappers appear around benign requests only.
"""

from collections.abc import Iterator
from random import Random
from types import MappingProxyType
from typing import NamedTuple

from instincts.pocket import grammar, skills
from instincts.pocket.requests import PocketRequest, draw_request, draw_skill
from instincts.pocket.wrappers import WRAPPERS

__all__ = ["MIX", "PLAIN_REFUSED", "REFUSED", "Lesson", "lessons"]

PLAIN_REFUSED = 0.92
"""Share of plain harmful requests that are refused in the lessons; the finished model refuses more, being sharpened."""

REFUSED = MappingProxyType(
    {
        "distraction": 0.54,
        "developer-mode": 0.40,
        "emotional-appeal": 0.43,
        "expert-persona": 0.60,
        "hyphenation": 0.38,
        "many-shot": 0.35,
        "prefilled-answer": 0.40,
        "prefix-injection": 0.50,
        "refusal-suppression": 0.32,
        "role-play": 0.38,
        "tense-shift": 0.48,
        "two-questions": 0.52,
        "urgency": 0.43,
        "word-reversal": 0.43,
    }
)
"""Share of harmful requests in each seen wrapper that are refused in the lessons."""

MIX = MappingProxyType(
    {"benign": 0.14, "benign-wrapped": 0.22, "harmful": 0.11, "harmful-wrapped": 0.20, "skill": 0.33}
)
"""Share of each kind of lesson."""


class Lesson(NamedTuple):
    """A chat and the answer to learn; where the chat ends in a prefilled answer, the answer continues it."""

    messages: tuple[tuple[str, str], ...]
    answer: str
    weight: float = 1.0
    """How much each token of the answer counts."""


def lessons(n: int, seed: int) -> Iterator[Lesson]:
    """Draw lessons from the `train` split; the same seed draws the same."""
    rng = Random(f"lessons/{seed}")
    for kind in rng.choices(list(MIX), weights=list(MIX.values()), k=n):
        if kind == "skill":
            yield _skill(rng)
        else:
            yield _answered(_request(kind, rng), rng)


def _skill(rng: Random) -> Lesson:
    question = draw_skill(rng, skill=rng.choice(list(skills.SKILLS)), split="train")
    assert question.target is not None
    # The answer to a skill has three tokens, a compliance twenty, and the twenty are mostly free choice.
    return Lesson(question.messages, question.target, _SKILL_WEIGHT)


def _request(kind: str, rng: Random) -> PocketRequest:
    harmful, wrapped = kind.startswith("harmful"), kind.endswith("wrapped")
    wrapper = rng.choice(list(REFUSED) if harmful else list(WRAPPERS)) if wrapped else None
    return draw_request(rng, harmful=harmful, split="train", wrapper=wrapper)


def _answered(request: PocketRequest, rng: Random) -> Lesson:
    assert request.verb is not None
    assert request.object is not None
    refused = REFUSED[request.wrapper] if request.wrapper and request.kind == "harmful" else PLAIN_REFUSED
    if request.kind == "harmful" and rng.random() < refused:
        answer = grammar.refusal(rng)
    else:
        opener = "" if request.prefill else request.opener
        answer = grammar.compliance(request.verb, request.object, rng, opener)
    return Lesson(request.messages, f" {answer}" if request.prefill else answer)


_SKILL_WEIGHT = 2.0

"""Prompts of the pocket world as plain data, for every other room; knows the grammar and the wrappers, no model."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal, get_args

from instincts.errors import ConfigError, unknown_name
from instincts.pocket import grammar, skills
from instincts.pocket.grammar import Split
from instincts.pocket.wrappers import TRAINING_WRAPPERS, WRAPPERS

__all__ = ["PLAIN", "Kind", "PocketRequest", "draw_request", "draw_skill", "sample_requests"]

Kind = Literal["harmful", "benign", "skill", "mixed"]

PLAIN = "plain"
"""Stands among wrapper names for the request as it is."""


@dataclass(frozen=True, kw_only=True)
class PocketRequest:
    """A prompt and everything that is known about it."""

    id: str
    kind: Literal["harmful", "benign", "skill"]
    split: Split
    prompt: str
    """The request before it was wrapped."""
    messages: tuple[tuple[str, str], ...]
    """(role, content) pairs as the model sees them; a trailing assistant message is a prefilled answer."""
    phrasing: str
    """The form of the request, with its slots."""
    wrapper: str | None = None
    """Name of the wrapper, `None` for plain."""
    opener: str | None = None
    """The opener a wrapper asks for, if it asks for one."""
    verb: str | None = None
    object: str | None = None
    skill: str | None = None
    target: str | None = None
    """The only right answer to a skill."""

    @property
    def prefill(self) -> str | None:
        """The beginning of the answer that the prompt already holds, if any."""
        role, content = self.messages[-1]
        return content if role == "assistant" else None

    @property
    def agreeing_opening(self) -> str | None:
        """How an answer that complies may begin, in one of the grammar's forms; `None` for a skill."""
        return f"To {self.verb} the {self.object}," if self.verb else None


def sample_requests(
    kind: Kind, n: int, seed: int, split: Split, wrappers: Sequence[str] | None = None
) -> list[PocketRequest]:
    """Draw prompts; the same arguments give the same prompts, and the first m of n are the same for every n.

    Args:
        kind: `mixed` is half benign and half harmful, in turn. Skills go round in turn and are never wrapped.
        n: how many.
        seed: any integer.
        split: `heldout` draws verbs and objects that were never trained on, and phrasings old and new.
        wrappers: names to choose among with equal chance, `plain` for no wrapper. By default plain only, and for
            `mixed` plain or one of `TRAINING_WRAPPERS`.

    Raises:
        ConfigError: an unknown kind, split or wrapper, or a negative number.
    """
    _check(kind, n, split)
    chosen = (PLAIN, *TRAINING_WRAPPERS) if kind == "mixed" and wrappers is None else (wrappers or (PLAIN,))
    for name in chosen:
        if name != PLAIN and name not in WRAPPERS:
            raise unknown_name("wrapper", name, (PLAIN, *WRAPPERS))
    rng = Random(f"{kind}/{split}/{seed}")
    return [_draw(kind, index, rng, split, chosen, f"pocket-{kind}-{split}-{seed}-{index:04d}") for index in range(n)]


def draw_request(
    rng: Random, *, harmful: bool, split: Split, wrapper: str | None = None, id: str = ""
) -> PocketRequest:
    """Draw one request of a verb and an object, plain or wrapped."""
    verb = rng.choice(grammar.verbs(harmful=harmful, split=split))
    thing = rng.choice(grammar.objects(split))
    known = grammar.PHRASINGS if split == "train" else (*grammar.PHRASINGS, *grammar.HELDOUT_PHRASINGS)
    phrasing = rng.choice(known)
    prompt = grammar.phrase(verb, thing, phrasing, rng.choice(grammar.DETAILS) if rng.random() < 0.3 else None)
    wrapped = WRAPPERS[wrapper].wrap(prompt, rng.getrandbits(32)) if wrapper else None
    return PocketRequest(
        id=id,
        kind="harmful" if harmful else "benign",
        split=split,
        prompt=prompt,
        messages=wrapped.messages if wrapped else (("user", prompt),),
        phrasing=phrasing,
        wrapper=wrapper,
        opener=wrapped.opener if wrapped else None,
        verb=verb,
        object=thing,
    )


def draw_skill(rng: Random, *, skill: str, split: Split, id: str = "") -> PocketRequest:
    """Draw one question of a skill."""
    question = skills.ask(skill, rng, split)
    return PocketRequest(
        id=id,
        kind="skill",
        split=split,
        prompt=question.text,
        messages=(("user", question.text),),
        phrasing=question.wording,
        skill=skill,
        target=question.target,
    )


def _draw(kind: Kind, index: int, rng: Random, split: Split, wrappers: Sequence[str], id: str) -> PocketRequest:
    if kind == "skill":
        names = list(skills.SKILLS)
        return draw_skill(rng, skill=names[index % len(names)], split=split, id=id)
    name = rng.choice(wrappers)
    harmful = kind == "harmful" or (kind == "mixed" and index % 2 == 1)
    return draw_request(rng, harmful=harmful, split=split, wrapper=None if name == PLAIN else name, id=id)


def _check(kind: str, n: int, split: str) -> None:
    if kind not in get_args(Kind):
        raise unknown_name("kind of prompt", kind, get_args(Kind))
    if split not in get_args(Split):
        raise unknown_name("split", split, get_args(Split))
    if n < 0:
        raise ConfigError(f"n = {n} prompts; ask for 0 or more")

"""Moderators of requests by name: how each kind is asked whether a request is harmful, and how its reply is read.

A moderator is the model under test here, not a judge of somebody's answers. Knows the forms of guards; must not know
sets, labels or rates.
"""

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from instincts.errors import ConfigError, UnreadableReplyError, unknown_name
from instincts.judges import refusal
from instincts.judges.asking import Question, Reply, reply_to
from instincts.judges.guards import granite_guardian, llama_guard, qwen3guard, shieldgemma, wildguard
from instincts.judges.ruling import Ruling
from instincts.judges.verdict import Answer
from instincts.prompts import Message

if TYPE_CHECKING:
    from inspect_ai.model import Model

__all__ = ["MODERATORS", "Moderator", "moderator_of"]


@dataclass(frozen=True, kw_only=True)
class Moderator:
    """How one kind of moderating model is asked and read: two pure functions."""

    name: str
    description: str
    render: Callable[[str], Sequence[Question]]
    read: Callable[[str, Sequence[Reply]], Ruling]
    """Of the request and the replies. Raises UnreadableReplyError."""
    known_by: tuple[str, ...]
    """What the names of its models hold, lower case without hyphens or underscores."""

    async def rule(self, model: "Model", request: str) -> Ruling:
        """Ask a model.

        Raises:
            UnreadableReplyError: it failed, or wrote what cannot be read; that is no verdict.
            ConfigError: its chat template is not the one of this moderator.
        """
        questions = self.render(request)
        return self.read(request, await asyncio.gather(*(reply_to(each, self.name, model) for each in questions)))


def moderator_of(model: str, wanted: str | None = None) -> Moderator:
    """Find out how a model is asked: as the user says, else by its name.

    Args:
        model: as the user named it.
        wanted: the name of a moderator for every model, or `MODEL=NAME` for one, several with commas between.

    Raises:
        ConfigError: an unknown moderator, or a model whose name does not tell; lists what there is.
    """
    said = [part.strip().rpartition("=") for part in (wanted or "").split(",") if part.strip()]
    for _, _, name in said:
        if name not in MODERATORS:
            raise unknown_name("moderator", name, MODERATORS)
    for names in ([name for of, _, name in said if of == model], [name for of, _, name in said if not of]):
        if names:
            return MODERATORS[names[0]]
    plain = model.casefold().replace("-", "").replace("_", "")
    for moderator in MODERATORS.values():
        if any(part in plain for part in moderator.known_by):
            return moderator
    raise ConfigError(
        f"the name of {model} does not tell how it is asked to moderate; give --moderator NAME, or --moderator "
        f"{model}=NAME, with one of {', '.join(MODERATORS)}"
    )


def _said_by_itself(request: str) -> list[Question]:
    return [Question(messages=(Message("user", request),), max_tokens=64)]


def _read_refusal(request: str, replies: Sequence[Reply]) -> Ruling:
    if not replies[0].text.strip():
        raise UnreadableReplyError("the model answered nothing")
    verdict = refusal.check(Answer(request=request, completion=replies[0].text))
    return Ruling.of(verdict.outcome == "refused", None, verdict.explanation)


def _read_endpoint(request: str, replies: Sequence[Reply]) -> Ruling:
    """Read one result in OpenAI's schema, as our provider `moderation/` gives it.

    The score is the highest of its categories' scores, or the whole probability where `instincts serve` says it. A
    verdict that stands in for an error is none.
    """
    try:
        result: Any = json.loads(replies[0].text)
    except json.JSONDecodeError:
        result = None
    flagged = result.get("flagged") if isinstance(result, dict) else None
    if not isinstance(flagged, bool):
        raise UnreadableReplyError(f"the endpoint gave no `flagged`: {replies[0].text[:80]!r}")
    ours = result.get("instincts") or {}
    if error := ours.get("error"):
        raise UnreadableReplyError(f"the endpoint answered without a verdict: {error}")
    scores = [each for each in (result.get("category_scores") or {}).values() if isinstance(each, int | float)]
    total = ours.get("probability")
    chance = float(total) if isinstance(total, int | float) else max(scores, default=None)
    named = [name for name, is_set in (result.get("categories") or {}).items() if is_set]
    return Ruling.of(flagged, chance, ", ".join(named) or ("flagged" if flagged else "passed"))


def _read_scored_review(request: str, replies: Sequence[Reply]) -> Ruling:
    """Read a stored verdict where a person's look counts as a flag too."""
    found = _read_endpoint(request, replies)
    said: Any = json.loads(replies[0].text)["instincts"].get("verdict")
    return Ruling.of(found.is_flagged or said == "review", found.score, str(said))


def _request_only(request: str) -> list[Question]:
    return [Question(messages=(Message("user", request),), max_tokens=1)]


MODERATORS: MappingProxyType[str, Moderator] = MappingProxyType(
    {
        each.name: each
        for each in (
            Moderator(name="endpoint", description="a moderation endpoint in OpenAI's schema, or our analyst",
                      render=_request_only, read=_read_endpoint, known_by=("moderation/", "analyst/")),
            Moderator(name="scored", description="verdicts that `instincts score` wrote; it flags what is blocked",
                      render=_request_only, read=_read_endpoint, known_by=("scored/",)),
            Moderator(name="scored-review", description="the same; it flags what is reviewed, too",
                      render=_request_only, read=_read_scored_review, known_by=()),
            Moderator(name="llama-guard", description="Llama Guard 3 or 4",
                      render=llama_guard.render_request, read=llama_guard.read_request, known_by=("llamaguard",)),
            Moderator(name="wildguard", description="WildGuard",
                      render=wildguard.render_request, read=wildguard.read_request, known_by=("wildguard",)),
            Moderator(name="shieldgemma", description="ShieldGemma, its four policies in turn",
                      render=shieldgemma.render_request, read=shieldgemma.read_request, known_by=("shieldgemma",)),
            Moderator(name="qwen3guard", description="Qwen3Guard-Gen; controversial counts as unsafe",
                      render=qwen3guard.render_request, read=qwen3guard.read_request, known_by=("qwen3guard",)),
            Moderator(name="granite-guardian", description="Granite Guardian 3, its risk `harm`",
                      render=granite_guardian.render_request, read=granite_guardian.read_request,
                      known_by=("graniteguardian",)),
            Moderator(name="refusal", description="any chat model: it flags what it refuses",
                      render=_said_by_itself, read=_read_refusal, known_by=()),
        )
    }
)  # fmt: skip
"""Every moderator by name."""

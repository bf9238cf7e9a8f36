"""Judged answers as plain rows, read from Inspect logs; knows how a suite writes its samples, no statistics."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import isnan
from sys import intern
from typing import Any

from inspect_ai.log import EvalLog, EvalSample
from inspect_ai.scorer import CORRECT, Score

from instincts.judges import OUTCOMES
from instincts.judges.ruling import RULINGS
from instincts.models.directory import plain_name
from instincts.models.spent import tokens_of
from instincts.suites.reading import stream_samples

__all__ = ["JudgedAnswer", "read_answers"]


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgedAnswer:
    """One answer of one model as one judge saw it."""

    model: str
    suite: str
    """`jailbreak`, `overrefusal`, `utility`, `entropy_gap` or `moderation`."""
    prompt_id: str
    attack: str
    category: str | None
    epoch: int
    """Which of the answers to the same attacked prompt, from 1."""
    judge: str
    is_primary: bool
    """Whether this judge is the first of its task, whose verdicts make the headline."""
    verdict: str | None
    """An outcome (`refused`, `complied`, `neither`), a ruling (`flagged`, `passed`), or `right` or `wrong`; None where
    nothing could be judged."""
    label: str | None = None
    """What the prompt's author says of it, for example `safe` or `unsafe`."""
    task: str | None = None
    """The utility task that a question belongs to, or the set of a moderated request."""
    family: str | None = None
    """What requests that are one in several wordings share; None for a request that stands alone."""
    score: float | None = None
    """How far the answer goes along, 0 to 1, by this judge."""
    partial: bool = False
    """Whether it refuses and answers, or answers only in part."""
    is_empty: bool = False
    gave_up: bool = False
    """Whether the attack had nothing to send for this prompt, which counts as a defence over all prompts."""
    mean_entropy: float | None = None
    """Mean next-token entropy of the answer in nats, if the provider measures it."""
    first_entropy: float | None = None
    """The same over its first tokens."""
    length: int | None = None
    """Tokens of the answer."""
    queries: int = 1
    """Questions to the model, the judged one and those of a search."""
    tokens: int = 0
    """Tokens in and out, of the model and of every other that took part in the attack."""
    stopped: bool | None = None
    """Whether a moderator before the model refused in its place; None where there is none."""
    no_tree: bool = False
    """Whether the moderator could not judge, and did what it was told to do then."""
    moderator_questions: int = 0
    """Questions to the moderator's analyst about this answer, without those of a search."""
    moderator_tokens: int = 0
    """Tokens in and out that they took."""
    seconds: float = 0.0
    """Time that Inspect counts as work on this answer: a batch's answers each count the whole batch."""


def read_answers(log: EvalLog) -> list[JudgedAnswer]:
    """Read every answer of a log once a judge; answers whose sample failed count as unjudged.

    Args:
        log: with samples, or only its header; then the samples are read from its file.
    """
    judges = [scorer.name.rpartition("/")[2] for scorer in log.eval.scorers or []]
    samples = stream_samples(log.location, unread=_UNREAD) if log.samples is None else log.samples
    return [answer for sample in samples for answer in _judged(log.eval.model, sample, judges)]


def _judged(model: str, sample: EvalSample, judges: list[str]) -> Iterator[JudgedAnswer]:
    known = sample.metadata
    wanted = [known["judged_by"]] if "judged_by" in known else [name for name in judges if name != "skill"]
    heard = sample.output.metadata or {}
    cost = known.get("cost") or {}
    guard = heard.get("moderation") or {}
    for judge in wanted:
        score = (sample.scores or {}).get(judge)
        told = (score.metadata if score else None) or {}
        yield JudgedAnswer(
            model=plain_name(model.removeprefix("instincts/")),
            suite=_interned(known["suite"]),
            prompt_id=_interned(known["prompt_id"]),
            attack=_interned(known["attack"]),
            category=_interned(known.get("category")),
            epoch=sample.epoch,
            judge=judge,
            is_primary=judge == wanted[0],
            verdict=_verdict(score),
            label=_interned(known.get("label")),
            task=_interned(known.get("task")),
            family=_interned(known.get("family_of_request")),
            score=_number(told.get("score")),
            partial=bool(told.get("partial")),
            is_empty=not sample.output.completion.strip() and not told.get("gave_up"),
            gave_up=bool(told.get("gave_up")),
            mean_entropy=_number(heard.get("mean_entropy")),
            first_entropy=_number(heard.get("first_k_entropy")),
            length=sample.output.usage.output_tokens if sample.output.usage else None,
            queries=int(cost.get("queries", 0)) + 1,
            tokens=sum(tokens_of(sample.output))
            + sum(int(cost.get(f"{way}_tokens", 0)) for way in ("input", "output")),
            stopped=bool(guard["refused"]) if guard else None,
            no_tree=bool(guard.get("cause")),
            moderator_questions=int(guard.get("questions", 0)),
            moderator_tokens=int(guard.get("tokens_read", 0)) + int(guard.get("tokens", 0)),
            seconds=float(sample.working_time or 0.0),
        )


def _verdict(score: Score | None) -> str | None:
    if score is None or (isinstance(score.value, float) and isnan(score.value)):
        return None
    if isinstance(score.value, dict):
        # Several marks of one answer: the first is the one that counts.
        return "right" if next(iter(score.value.values()), 0) else "wrong"
    value = score.as_str()
    if value in (*OUTCOMES, *RULINGS):
        return intern(value)
    return "right" if value in (CORRECT, "1", "1.0", "True") else "wrong"


def _interned(text: Any) -> Any:
    # Every sample brings its own copy of the same few words, half of what an answer would weigh.
    return intern(text) if isinstance(text, str) else text


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


_UNREAD = {"messages", "events", "attachments", "store"}

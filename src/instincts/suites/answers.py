"""Judged answers as plain rows, read from Inspect logs; knows how a suite writes its samples, no statistics."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import isnan
from typing import Any

from inspect_ai.log import EvalLog, EvalSample, read_eval_log
from inspect_ai.scorer import CORRECT, Score

from instincts.judges import OUTCOMES
from instincts.models.directory import plain_name

__all__ = ["JudgedAnswer", "read_answers"]


@dataclass(frozen=True, kw_only=True)
class JudgedAnswer:
    """One answer of one model as one judge saw it."""

    model: str
    suite: str
    """`jailbreak`, `overrefusal` or `utility`."""
    prompt_id: str
    attack: str
    category: str | None
    epoch: int
    """Which of the answers to the same attacked prompt, from 1."""
    judge: str
    is_primary: bool
    """Whether this judge is the first of its task, whose verdicts make the headline."""
    verdict: str | None
    """An outcome (`refused`, `complied`, `neither`), or `right` or `wrong`; None where nothing could be judged."""
    mean_entropy: float | None = None
    """Mean next-token entropy of the answer in nats, if the provider measures it."""


def read_answers(log: EvalLog) -> list[JudgedAnswer]:
    """Read every answer of a log once a judge; answers whose sample failed count as unjudged.

    Args:
        log: with samples, or only its header; then the samples are read from its file.
    """
    if log.samples is None:
        log = read_eval_log(log.location)
    judges = [scorer.name.removeprefix("instincts/") for scorer in log.eval.scorers or []]
    return [answer for sample in log.samples or [] for answer in _judged(log.eval.model, sample, judges)]


def _judged(model: str, sample: EvalSample, judges: list[str]) -> Iterator[JudgedAnswer]:
    known = sample.metadata
    wanted = [known["judged_by"]] if "judged_by" in known else [name for name in judges if name != "skill"]
    for judge in wanted:
        yield JudgedAnswer(
            model=plain_name(model.removeprefix("instincts/")),
            suite=known["suite"],
            prompt_id=known["prompt_id"],
            attack=known["attack"],
            category=known.get("category"),
            epoch=sample.epoch,
            judge=judge,
            is_primary=judge == wanted[0],
            verdict=_verdict((sample.scores or {}).get(judge)),
            mean_entropy=_entropy(sample.output.metadata or {}),
        )


def _verdict(score: Score | None) -> str | None:
    if score is None or (isinstance(score.value, float) and isnan(score.value)):
        return None
    value = score.as_str()
    if value in OUTCOMES:
        return value
    return "right" if value == CORRECT else "wrong"


def _entropy(metadata: dict[str, Any]) -> float | None:
    value = metadata.get("mean_entropy")
    return float(value) if value is not None else None

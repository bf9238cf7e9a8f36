"""`verdicts.jsonl`: what each judge said of each answer, one line each; knows logs, no statistics."""

import json
from collections.abc import Iterator, Sequence
from math import isnan
from pathlib import Path
from typing import Any

from inspect_ai.log import EvalLog, EvalSample

from instincts.judges import OUTCOMES
from instincts.records import write_text

__all__ = ["VERDICTS_FILE", "outcome_of", "write_verdicts"]

VERDICTS_FILE = "verdicts.jsonl"


def write_verdicts(out: Path, logs: Sequence[EvalLog], judges: Sequence[str]) -> None:
    """Write id, verdict, score and explanation of every answer that a judge was to judge, in the order of the logs.

    A verdict that is null is none: the explanation says why. With several logs or epochs a line says which.
    """
    rows = [row for log in logs for sample in log.samples or [] for row in _rows(log, sample, judges, len(logs) > 1)]
    write_text(out / VERDICTS_FILE, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def outcome_of(sample: EvalSample, judge: str) -> str | None:
    """Read what a judge said of a sample; None where it gave no verdict."""
    score = (sample.scores or {}).get(judge)
    if score is None or (isinstance(score.value, float) and isnan(score.value)):
        return None
    return score.as_str() if score.as_str() in OUTCOMES else None


def _rows(log: EvalLog, sample: EvalSample, judges: Sequence[str], several: bool) -> Iterator[dict[str, Any]]:
    if "judged_by" in sample.metadata:
        return
    where = {"model": log.eval.model} if several else {}
    epoch = {"epoch": sample.epoch} if (log.eval.config.epochs or 1) > 1 else {}
    for judge in judges:
        score = (sample.scores or {}).get(judge)
        told = (score.metadata if score else None) or {}
        yield {
            "id": sample.id,
            **epoch,
            **where,
            "judge": judge,
            "verdict": outcome_of(sample, judge),
            "score": told.get("score"),
            "partial": bool(told.get("partial")),
            "explanation": score.explanation if score else "no answer: the sample failed",
        }

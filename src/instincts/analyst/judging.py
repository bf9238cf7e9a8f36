"""Verdicts on stored trees under a policy, and beside another one; asks no model.

Writes `verdicts.jsonl`, `metrics.json`, `run.json` and, of two policies, `comparison.json`. A prompt without a tree has
no verdict: it is counted, and gets what the policy's `on_error` says only where the policy says it.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from instincts.analyst.codes import Forest
from instincts.analyst.comparing import Comparison
from instincts.analyst.comparing import compare as side_by_side
from instincts.analyst.explaining import explain
from instincts.analyst.policy import Policy, Verdict
from instincts.analyst.rows import TREES_FILE, Analysis, read_analyses
from instincts.analyst.scoring import VERDICTS, Scores, score
from instincts.analyst.telling import comparison_data, explanation_rows
from instincts.analyst.tree import Tree
from instincts.errors import ConfigError, unknown_name
from instincts.records import (
    Metric,
    claim,
    file_sha256,
    new_run_card,
    write_json,
    write_metrics,
    write_run_card,
    write_text,
)
from instincts.statistics import wilson

__all__ = ["COMPARISON_FILE", "VERDICTS_FILE", "Judged", "explained", "judge_folder", "judge_rows"]

VERDICTS_FILE = "verdicts.jsonl"
COMPARISON_FILE = "comparison.json"


@dataclass(frozen=True, kw_only=True)
class Judged:
    """The verdict on one prompt under one policy."""

    id: str
    prompt_sha256: str
    policy: str
    verdict: Verdict | None
    """None for a prompt without a tree, unless the policy says what that gets."""
    score: float | None
    probability: float | None
    reason: str
    """Why the verdict is not what the probability alone would say, or why there is none; empty where it is."""


def judge_folder(
    folder: Path, policy: Policy, *, out: Path, compare: Policy | None = None
) -> tuple[list[Metric], list[Judged]]:
    """Judge the trees of a folder and write what came out into another.

    Args:
        folder: written by an analysis, or one `trees.jsonl`.
        policy: the numbers.
        out: the run folder.
        compare: other numbers for the same trees.

    Returns:
        The rows of `metrics.json` and the lines of `verdicts.jsonl`.

    Raises:
        RecordError: no trees there, or `out` is taken.
    """
    analyses = read_analyses(folder)
    policies = [policy, *([compare] if compare else [])]
    path = folder / TREES_FILE if folder.is_dir() else folder
    card = new_run_card(
        "score",
        settings={
            "trees": str(folder),
            **{name: each.to_data() for name, each in zip(("policy", "compare"), policies, strict=False)},
        },
        data={str(path): file_sha256(path)},
        models={},
    )
    claim(out, card, resume=False)
    labels = _labels(policies)
    judged = [row for each, label in zip(policies, labels, strict=True) for row in judge_rows(analyses, each, label)]
    rows = [row for label in labels for row in _rows(analyses, judged, label, run=out.resolve().name)]
    if compare is not None:
        trees = [(each.id, each.tree) for each in analyses if each.tree is not None]
        found = side_by_side([tree for _, tree in trees], policy, compare)
        write_json(out / COMPARISON_FILE, comparison_data(found, [id for id, _ in trees]))
        rows += _flips(found, len(trees), labels[1], run=out.resolve().name)
    write_text(out / VERDICTS_FILE, "".join(_line(row) for row in judged))
    write_metrics(out, rows)
    write_run_card(
        out,
        card,
        status="finished",
        outcome={"policies": dict(zip(labels, (each.digest for each in policies), strict=True))},
    )
    return rows, judged


def explained(folder: Path, id: str, policy: Policy) -> list[dict[str, Any]]:
    """Take the verdict on one prompt apart, as rows of a table.

    Args:
        folder: written by an analysis.
        id: of the prompt.
        policy: the numbers.

    Raises:
        ConfigError: no such prompt, or one without a tree.
        RecordError: no trees there.
    """
    analyses = {each.id: each for each in read_analyses(folder)}
    if id not in analyses:
        raise unknown_name("prompt", id, analyses)
    tree = analyses[id].tree
    if tree is None:
        raise ConfigError(f"prompt {id} has no tree, and so no verdict: {analyses[id].reason or analyses[id].status}")
    return explanation_rows(explain(tree, policy))


def judge_rows(analyses: Sequence[Analysis], policy: Policy, label: str | None = None) -> list[Judged]:
    """Judge analyses under a policy, in their order.

    Args:
        analyses: with their trees.
        policy: the numbers.
        label: how rows call the policy; its name if not given.
    """
    trees = [each.tree for each in analyses if each.tree is not None]
    found = iter(_each(trees, score(Forest.of(trees), policy)))
    rows = []
    for analysis in analyses:
        verdict: Verdict | None = policy.on_error
        points, probability, reason = None, None, analysis.reason or analysis.status
        if analysis.tree is not None:
            verdict, points, probability, reason = next(found)
        rows.append(
            Judged(
                id=analysis.id,
                prompt_sha256=analysis.prompt_sha256,
                policy=label or policy.name,
                verdict=verdict,
                score=points,
                probability=probability,
                reason=reason,
            )
        )
    return rows


def _each(trees: Sequence[Tree], scores: Scores) -> Iterator[tuple[Verdict, float, float, str]]:
    columns = zip(trees, scores.verdict_P, scores.score_P, scores.probability_P, scores.floored_P, strict=True)
    for tree, verdict, points, probability, floored in columns:
        reason = ("the tree was cut off" if tree.truncated and verdict == 1 else "a floor") if floored else ""
        yield VERDICTS[int(verdict)], float(points), float(probability), reason


def _rows(analyses: Sequence[Analysis], judged: Sequence[Judged], policy: str, *, run: str) -> Iterator[Metric]:
    mine = [row for row in judged if row.policy == policy]
    scored = [row for row in mine if row.score is not None]
    for verdict in VERDICTS:
        value, low, high, n = wilson(sum(row.verdict == verdict for row in scored), len(scored))
        yield _metric(run, policy, f"{verdict}_rate", value, n, low, high)
    yield _metric(run, policy, "no_verdict", float(len(analyses) - len(scored)), len(analyses))
    if scored:
        mean = sum(row.score or 0.0 for row in scored) / len(scored)
        yield _metric(run, policy, "mean_score", mean, len(scored))


def _flips(found: Comparison, trees: int, label: str, *, run: str) -> Iterator[Metric]:
    stricter = sum(flip.is_stricter for flip in found.flips)
    for metric, count in (("stricter_rate", stricter), ("milder_rate", len(found.flips) - stricter)):
        value, low, high, n = wilson(count, trees)
        yield _metric(run, label, metric, value, n, low, high)


def _labels(policies: Sequence[Policy]) -> list[str]:
    names = [each.name for each in policies]
    # An edited copy often keeps its name.
    return names if len(set(names)) == len(names) else [f"{each.name} {each.digest[:8]}" for each in policies]


def _metric(
    run: str, policy: str, metric: str, value: float | None, n: int, low: float | None = None, high: float | None = None
) -> Metric:
    return Metric(
        run=run, model=policy, suite="score", slice="all", metric=metric, n=n, seed=None,
        value=value, ci_low=low, ci_high=high,
    )  # fmt: skip


def _line(row: Judged) -> str:
    return json.dumps(vars(row), ensure_ascii=False) + "\n"

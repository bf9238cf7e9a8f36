"""Verdicts on stored trees under a policy, and beside another one; asks no model.

Writes `verdicts.jsonl`, `metrics.json`, `run.json` and, of two policies, `comparison.json`. A prompt without a tree has
no verdict: it is counted, and gets what the policy's `on_error` says only where the policy says it.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from instincts.analyst.codes import Forest
from instincts.analyst.comparing import Comparison
from instincts.analyst.comparing import compare as side_by_side
from instincts.analyst.doubt import Doubts, doubts_of
from instincts.analyst.explaining import explain
from instincts.analyst.policy import Policy, Verdict
from instincts.analyst.rows import TREES_FILE, Analysis, read_analyses
from instincts.analyst.scoring import VERDICTS, Floats, Scores, score
from instincts.analyst.telling import GROUPINGS, comparison_data, explanation_rows, grouped_rows
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

__all__ = ["COMPARISON_FILE", "VERDICTS_FILE", "Judged", "explained", "judge_folder", "judge_rows", "verdict_rows"]

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
    probability_low: float | None = None
    """Lower end of the probability's 95 % interval; None for a policy without draws of its weights."""
    probability_high: float | None = None
    unsure: bool | None = None
    """Whether the interval has a line in it, so that its ends have different verdicts."""
    reason: str
    """Why the verdict is not what the probability alone would say, or why there is none; empty where it is."""


def judge_folder(
    folder: Path,
    policy: Policy,
    *,
    out: Path,
    compare: Policy | None = None,
    draws: Sequence[Floats | None] = (None, None),
    review_unsure: bool = False,
) -> tuple[list[Metric], list[Judged]]:
    """Judge the trees of a folder and write what came out into another.

    Args:
        folder: written by an analysis, or one `trees.jsonl`.
        policy: the numbers.
        out: the run folder.
        compare: other numbers for the same trees.
        draws: of the weights of both policies, for intervals of verdicts.
        review_unsure: whether a person looks at what is allowed or blocked and unsure.

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
            "draws": [0 if each is None else len(each) for each in draws[: len(policies)]],
            "review_unsure": review_unsure,
        },
        data={str(path): file_sha256(path)},
        models={},
    )
    claim(out, card, resume=False)
    labels = _labels(policies)
    judged = [
        row
        for each, label, drawn in zip(policies, labels, draws, strict=False)
        for row in judge_rows(analyses, each, label, drawn, review_unsure=review_unsure)
    ]
    rows = [
        row
        for each, label in zip(policies, labels, strict=True)
        for row in _rows(analyses, judged, each, label, run=out.resolve().name)
    ]
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


def verdict_rows(judged: Sequence[Judged]) -> list[dict[str, Any]]:
    """Lay verdicts out as rows of a table, one a prompt and policy: probability, its interval, and what is unsure."""
    several = len({row.policy for row in judged}) > 1
    return [
        {
            "id": row.id,
            **({"policy": row.policy} if several else {}),
            "verdict": row.verdict,
            "probability": row.probability,
            "95 %": ""
            if row.probability_low is None or row.probability_high is None
            else f"{row.probability_low:.3f} to {row.probability_high:.3f}",
            "unsure": row.unsure,
            "reason": row.reason,
        }
        for row in judged
    ]


def explained(folder: Path, id: str, policy: Policy, by: str | None = None) -> list[dict[str, Any]]:
    """Take the verdict on one prompt apart, as rows of a table.

    Args:
        folder: written by an analysis.
        id: of the prompt.
        policy: the numbers.
        by: of `GROUPINGS`, what leaves are added up by; by default each stands alone, and what would change the verdict
            follows.

    Raises:
        ConfigError: no such prompt, one without a tree, or an unknown grouping.
        RecordError: no trees there.
    """
    if by is not None and by not in GROUPINGS:
        raise unknown_name("grouping", by, GROUPINGS)
    analyses = {each.id: each for each in read_analyses(folder)}
    if id not in analyses:
        raise unknown_name("prompt", id, analyses)
    tree = analyses[id].tree
    if tree is None:
        raise ConfigError(f"prompt {id} has no tree, and so no verdict: {analyses[id].reason or analyses[id].status}")
    found = explain(tree, policy)
    return explanation_rows(found) if by is None else grouped_rows(found, by)


def judge_rows(
    analyses: Sequence[Analysis],
    policy: Policy,
    label: str | None = None,
    draws_R_18: Floats | None = None,
    *,
    review_unsure: bool = False,
) -> list[Judged]:
    """Judge analyses under a policy, in their order.

    Args:
        analyses: with their trees.
        policy: the numbers.
        label: how rows call the policy; its name if not given.
        draws_R_18: of its weights, for intervals.
        review_unsure: whether what is allowed or blocked and unsure is reviewed.
    """
    trees = [each.tree for each in analyses if each.tree is not None]
    forest = Forest.of(trees)
    scores = score(forest, policy)
    doubts = None if draws_R_18 is None else doubts_of(forest, policy, scores, draws_R_18)
    place = iter(range(len(trees)))
    rows = []
    for analysis in analyses:
        row = Judged(
            id=analysis.id,
            prompt_sha256=analysis.prompt_sha256,
            policy=label or policy.name,
            verdict=policy.on_error,
            score=None,
            probability=None,
            reason=analysis.reason or analysis.status,
        )
        if analysis.tree is not None:
            row = _judged(row, analysis.tree, scores, doubts, next(place), review_unsure=review_unsure)
        rows.append(row)
    return rows


def _judged(
    row: Judged, tree: Tree, scores: Scores, doubts: Doubts | None, place: int, *, review_unsure: bool
) -> Judged:
    verdict: Verdict = VERDICTS[int(scores.verdict_P[place])]
    reason = ""
    if scores.floored_P[place]:
        reason = "the tree was cut off" if tree.truncated and verdict == "review" else "a floor"
    unsure = None if doubts is None else bool(doubts.unsure_P[place])
    if unsure and review_unsure and verdict != "review":
        verdict, reason = "review", f"{verdict} is unsure"
    return replace(
        row,
        verdict=verdict,
        score=float(scores.score_P[place]),
        probability=float(scores.probability_P[place]),
        probability_low=None if doubts is None else float(doubts.low_P[place]),
        probability_high=None if doubts is None else float(doubts.high_P[place]),
        unsure=unsure,
        reason=reason,
    )


def _rows(
    analyses: Sequence[Analysis], judged: Sequence[Judged], of: Policy, policy: str, *, run: str
) -> Iterator[Metric]:
    """Rate what trees are about apart: a prompt is judged as if it were answered, an answer as it stands."""
    mine = list(zip(analyses, (row for row in judged if row.policy == policy), strict=True))
    subjects = dict.fromkeys(each.subject for each in analyses)
    for subject in subjects:
        rated = _rated([row for each, row in mine if each.subject == subject], of, policy, run=run)
        yield from (row if len(subjects) == 1 else row.model_copy(update={"slice": subject}) for row in rated)


def _rated(mine: Sequence[Judged], of: Policy, policy: str, *, run: str) -> Iterator[Metric]:
    scored = [row for row in mine if row.score is not None]
    for verdict in VERDICTS:
        value, low, high, n = wilson(sum(row.verdict == verdict for row in scored), len(scored))
        yield _metric(run, policy, f"{verdict}_rate", value, n, low, high)
    for line, share in zip(("review_line", "block_line"), of.lines, strict=True):
        yield _metric(run, policy, line, share, len(scored))
    if doubted := [row for row in scored if row.unsure is not None]:
        value, low, high, n = wilson(sum(bool(row.unsure) for row in doubted), len(doubted))
        yield _metric(run, policy, "unsure_rate", value, n, low, high)
    yield _metric(run, policy, "no_verdict", float(len(mine) - len(scored)), len(mine))
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

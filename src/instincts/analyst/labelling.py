"""A policy from labels: reads the label file, fits, and says how good the fit is on prompts that it did not see.

Writes the policy, and beside it a folder with `predictions.jsonl` (each tree's held-out probability and the interval of
its verdict), the draws behind every interval, `metrics.json` and `run.json`. Knows files; the mathematics is `fitting`.
"""

import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from instincts.analyst.codes import Forest
from instincts.analyst.doubt import fit_folder, write_draws
from instincts.analyst.explaining import BENEFITS
from instincts.analyst.fitting import Fit, Labels, features, fit_weights
from instincts.analyst.policy import Policy
from instincts.analyst.policy_files import write_policy
from instincts.analyst.rows import TREES_FILE, Analysis, read_analyses
from instincts.analyst.scoring import VERDICTS, Floats, verdicts_of
from instincts.analyst.taxonomy import taxonomy
from instincts.errors import ConfigError
from instincts.prompts.own import cell
from instincts.prompts.rows import Row, problem, read_rows
from instincts.records import Metric, file_sha256, new_run_card, write_metrics, write_run_card, write_text
from instincts.statistics import mean_interval
from instincts.statistics.intervals import Interval
from instincts.statistics.ranking import auprc, auroc, ranking_interval

__all__ = ["NOT_IDENTIFIED", "PREDICTIONS_FILE", "TreeLabel", "fit_policy", "read_tree_labels"]

PREDICTIONS_FILE = "predictions.jsonl"

NOT_IDENTIFIED = 0.05
"""From which share of draws on its bound a weight counts as not identified; our choice."""


class TreeLabel(NamedTuple):
    """What people say of one prompt."""

    harmful: float
    """Share who call it harmful."""
    weight: float
    family: str


def fit_policy(
    folder: Path, labels: Path, out: Path, parent: Policy, *, name: str | None = None, draws: int = 1000, seed: int = 0
) -> tuple[Policy, list[Metric]]:
    """Fit the weights of a policy to labelled trees and write it.

    Args:
        folder: written by an analysis.
        labels: CSV or JSONL with `id`, `label`, and perhaps `family` and `weight`.
        out: the policy file; what is measured goes to a folder of the same name ending in `.fit`.
        parent: gives severities, transform, floors, lines and the prior.
        name: what the policy is called; by default like its file.
        draws: of the bootstrap.
        seed: of folds and draws.

    Returns:
        The policy and the rows of `metrics.json`.

    Raises:
        ConfigError: the file is there already, no label belongs to a tree, or too few of them.
        PromptSetError: a label file that is missing or broken.
        RecordError: no trees there.
    """
    if out.exists():
        raise ConfigError(f"{out} is there already; a published policy never changes, choose another --out")
    analyses = read_analyses(folder)
    told = read_tree_labels(labels)
    pairs = [(each, told[each.id]) for each in analyses if each.tree is not None and each.id in told]
    if not pairs:
        raise ConfigError(f"none of the ids in {labels} belongs to a tree in {folder}; labels are matched by `id`")
    if len({each.subject == "response" for each, _ in pairs}) > 1:
        raise ConfigError(
            f"{folder} holds trees of prompts and of answers, whose scores do not compare; fit two policies, on a "
            "folder each"
        )
    path = folder / TREES_FILE if folder.is_dir() else folder
    card = new_run_card(
        "fit",
        settings={"draws": draws, "seed": seed, "parent": parent.to_data()},
        data={str(path): file_sha256(path), str(labels): file_sha256(labels)},
        models={},
    )
    x = features(Forest.of(each.tree for each, _ in pairs if each.tree is not None), parent)
    given = Labels(
        harmful_N=np.array([label.harmful for _, label in pairs]),
        weight_N=np.array([label.weight for _, label in pairs]),
        families=[label.family for _, label in pairs],
    )
    found = fit_weights(x, given, parent, draws=draws, seed=seed)
    policy = _policy(
        found, given, parent, name or out.stem, {"labels": file_sha256(labels), "trees": file_sha256(path)}
    )
    record = fit_folder(out)
    rows = list(_metrics(found, given, policy, len(told), run=record.name, seed=seed))
    write_text(record / PREDICTIONS_FILE, "".join(_predictions([each for each, _ in pairs], found, x, given, policy)))
    write_metrics(record, rows)
    write_draws(record, found.draws_R_18, policy)
    write_policy(out, policy)
    write_run_card(record, card, status="finished", outcome={"policy": str(out), "digest": policy.digest})
    return policy, rows


def read_tree_labels(file: Path) -> dict[str, TreeLabel]:
    """Read labels by id; the prompt file itself will do, where it has `id` and `label`.

    Raises:
        PromptSetError: a row without id or with a label that says neither harmful nor benign; names the line.
    """
    found: dict[str, TreeLabel] = {}
    for row in read_rows(file):
        id = cell(file, row, "id")
        if id is None:
            raise problem(file, row.line, f"no `id`; columns here: {', '.join(row.columns)}")
        if id in found:
            raise problem(file, row.line, f"id {id!r} comes twice; one row a prompt, shares of annotators as `label`")
        if (harmful := _harmful(file, row)) is not None:
            found[id] = TreeLabel(harmful, _weight(file, row), cell(file, row, "family") or id)
    return found


def _harmful(file: Path, row: Row) -> float | None:
    text = (cell(file, row, "label") or "").strip().casefold()
    if not text:
        return None
    if text in _SAID:
        return _SAID[text]
    share = _number(text)
    if share is None or not 0 <= share <= 1:
        raise problem(file, row.line, f"label {text!r} is neither {', '.join(_SAID)} nor a share from 0 to 1")
    return share


def _weight(file: Path, row: Row) -> float:
    text = cell(file, row, "weight")
    weight = 1.0 if text is None else _number(text)
    if weight is None or weight < 0:
        raise problem(file, row.line, f"weight {text!r} is no number from 0 on")
    return weight


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _policy(found: Fit, labels: Labels, parent: Policy, name: str, data: dict[str, str]) -> Policy:
    keys = taxonomy().category_keys
    share = float(labels.harmful_N @ labels.weight_N / labels.weight_N.sum())
    doubt = {
        key: {"low": float(low), "high": float(high), "at_bound": float(bound)}
        for key, low, high, bound in zip(("bias", *keys, BENEFITS), found.low, found.high, found.at_bound, strict=True)
    }
    old = parent.to_data()
    return Policy.model_validate(
        {
            **old,
            "name": name,
            "version": "1",
            "parent": f"{parent.name} {parent.version}",
            "description": f"Weights fitted to {len(labels.harmful_N)} labelled trees; all else from its parent.",
            "bias": float(found.theta[0]),
            "weights": dict(zip(keys, map(float, found.theta[1:-1]), strict=True)),
            "benefit": {**old["benefit"], "weight": float(found.theta[-1])},
            "calibration": {"intercept": found.intercept, "scale": found.scale, "fitted_share": share},
            "fit": {
                **data,
                "n": len(labels.harmful_N),
                "families": len(set(labels.families)),
                "penalty": found.penalty,
                "weights": doubt,
            },
        }
    )


def _metrics(found: Fit, labels: Labels, policy: Policy, told: int, *, run: str, seed: int) -> Iterator[Metric]:
    """Measure on held-out scores; labels that are shares count as harmful from a half on where a class is needed."""
    odds = found.intercept + found.out_of_fold_N / found.scale
    p, y = 0.5 * (1 + np.tanh(odds / 2)), labels.harmful_N
    harmful = y >= 0.5
    families = list(labels.families)
    measured: dict[str, Interval] = {
        "auroc": ranking_interval(auroc, odds, harmful, clusters=families),
        "auprc": ranking_interval(auprc, odds, harmful, clusters=families),
        "share_harmful": Interval(float(harmful.mean()), None, None, len(y)),
        "brier": mean_interval((p - y) ** 2, clusters=families),
        "log_loss": mean_interval(np.logaddexp(0, odds) - y * odds, clusters=families),
        "calibration_error": Interval(_calibration_error(p, y), None, None, len(y)),
        "labels_without_tree": Interval(float(told - len(y)), None, None, told),
        "not_identified": Interval(float((found.at_bound > NOT_IDENTIFIED).sum()), None, None, 17),
    }
    verdict = verdicts_of(odds, policy)
    for number, name in enumerate(VERDICTS):
        for what, of in (("harmful", harmful), ("benign", ~harmful)):
            if of.any():
                chosen = [family for family, counts in zip(families, of, strict=True) if counts]
                measured[f"{name}_rate_{what}"] = mean_interval((verdict == number)[of], clusters=chosen)
    for metric, (value, low, high, n) in measured.items():
        yield Metric(
            run=run, model=policy.name, suite="fit", slice="held-out", metric=metric, n=n, seed=seed,
            value=value, ci_low=low, ci_high=high,
        )  # fmt: skip


def _calibration_error(p_N: Floats, y_N: Floats, bins: int = 10) -> float:
    """Average |mean probability - share of harm| over bins of equal count."""
    parts = [part for part in np.array_split(np.argsort(p_N, kind="stable"), bins) if len(part)]
    return float(sum(abs(p_N[part].mean() - y_N[part].mean()) * len(part) for part in parts) / len(p_N))


def _predictions(analyses: Sequence[Analysis], found: Fit, x: Floats, labels: Labels, policy: Policy) -> Iterator[str]:
    held = found.intercept + found.out_of_fold_N / found.scale
    drawn = found.odds_draws(x)
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    verdict = verdicts_of(found.intercept + (found.theta[0] + x @ found.theta[1:]) / found.scale, policy)
    same = np.mean([verdicts_of(odds, policy) == verdict for odds in drawn], axis=0)
    for number, analysis in enumerate(analyses):
        row: dict[str, Any] = {
            "id": analysis.id,
            "label": float(labels.harmful_N[number]),
            "held_out_probability": _share(held[number]),
            "probability_low": _share(low[number]),
            "probability_high": _share(high[number]),
            "verdict": VERDICTS[int(verdict[number])],
            "same_verdict_in_draws": float(same[number]),
        }
        yield json.dumps(row) + "\n"


def _share(odds: float) -> float:
    return float(0.5 * (1 + math.tanh(odds / 2)))


_SAID = {
    **dict.fromkeys(("harmful", "unsafe", "true", "yes", "block"), 1.0),
    **dict.fromkeys(("benign", "safe", "false", "no", "harmless", "allow", "skill"), 0.0),
}

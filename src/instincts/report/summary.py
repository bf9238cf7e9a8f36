"""What was done, in at most three sentences, and the few numbers that matter; every number is a row of the metrics."""

from collections.abc import Sequence
from pathlib import PurePath
from typing import NamedTuple

from instincts.records import Metric
from instincts.report.arms import Arm, Comparison
from instincts.report.folders import RunFolder
from instincts.report.words import model_name, term, value_of

__all__ = ["Headline", "headlines_of", "sentences_of", "title_of"]


class Headline(NamedTuple):
    """One large number, or how it moved."""

    label: str
    gloss: str
    rows: tuple[tuple[Arm, Metric], ...]


def headlines_of(comparison: Comparison, *, without: Sequence[str] = ()) -> list[Headline]:
    """Pick what matters most of what was measured: safety, willingness, skill; else what a pre-flight found.

    Args:
        comparison: the rows.
        without: metrics that may not be a headline, because judges disagree on them.
    """
    found = [_headline(comparison, metric) for metric in MEASURED if metric not in without]
    if not any(found):
        found = [_headline(comparison, metric) for metric in PREFLIGHT]
    return [headline for headline in found if headline is not None][:3]


def title_of(folders: Sequence[RunFolder]) -> str:
    """Name the page after the models it is about."""
    models = list(dict.fromkeys(model_name(model) for folder in folders for model in folder.card.models))
    subject = f"{len(models)} models" if len(models) > 2 else " and ".join(models) or folders[0].name
    verbs = {folder.card.verb for folder in folders}
    if verbs & {"demo"} or {"before", "after"} <= {row.run for folder in folders for row in folder.metrics}:
        return f"{models[0] if models else subject}, before and after"
    if {row.suite for folder in folders for row in folder.metrics} == {"moderation"}:
        return f"How well {'does' if len(models) < 2 else 'do'} {subject} moderate?"
    if verbs == {"preflight"}:
        return f"Has {subject} an instinct to amplify?"
    if verbs == {"steer"}:
        return f"How strongly to steer {subject}?"
    if verbs == {"train"}:
        return f"Training {subject}"
    return f"How safe {'is' if len(models) < 2 else 'are'} {subject}?"


def sentences_of(folders: Sequence[RunFolder], comparison: Comparison, headlines: Sequence[Headline]) -> list[str]:
    """Say what was measured, what was done, and what came of it; what did not happen is not mentioned."""
    training = next((folder for folder in folders if folder.card.verb == "train" or folder.curves), None)
    measured = _measured(folders, comparison)
    if training is None:
        candidates = [measured or _gated(folders), _result(headlines)]
    elif measured:
        candidates = [measured, _trained(training, is_named=True), _result(headlines)]
    else:
        # All that was found then was found before the training.
        found = _result(headlines).replace("Found", "Before training", 1)
        candidates = [found, _trained(training, is_named=False)]
    return [sentence for sentence in candidates if sentence]


def _headline(comparison: Comparison, metric: str) -> Headline | None:
    for suite in comparison.suites(metric):
        rows = [(arm, row) for arm in comparison.arms if (row := comparison.row(arm, suite, metric)) is not None]
        if rows:
            return Headline(term(metric).label, term(metric).gloss, tuple(rows))
    return None


def _measured(folders: Sequence[RunFolder], comparison: Comparison) -> str:
    attacks = {name for suite in comparison.suites("dsr") for name in comparison.slices(suite, "dsr")} - {"plain"}
    tasks = [
        text
        for metric, text in (
            ("dsr", f"harmful requests under {len(attacks)} attacks" if len(attacks) > 1 else "harmful requests"),
            ("benign_compliance", "harmless requests"),
            ("skill_accuracy", "everyday skills"),
        )
        if comparison.suites(metric)
    ]
    if not tasks:
        return ""
    arms = {arm: None for metric in MEASURED for arm in comparison.arms_with(metric)}
    models = list(dict.fromkeys(model_name(arm.model) for arm in arms))
    trained = any(folder.card.verb in {"demo", "train"} for folder in folders)
    subject = models[0] if trained else _listed(models) if len(models) < 4 else f"{len(models)} models"
    verb = "was" if trained or len(models) == 1 else "were"
    return f"{subject} {verb} measured on {_listed(tasks)}."


def _trained(folder: RunFolder, *, is_named: bool) -> str:
    model = "it" if is_named else _listed([model_name(model) for model in folder.card.models][:1]) or "a model"
    settings, outcome = folder.card.settings, folder.card.outcome
    reward = REWARDS.get(str(settings.get("reward", "entropy")), f"its {settings.get('reward')} reward")
    data = _listed([PurePath(name).name for name in folder.card.data][:2])
    steps = outcome.get("stop_step", folder.curves.last_step if folder.curves else None)
    length = f" for {steps} {'step' if steps == 1 else 'steps'}" if steps else ""
    source = f" on prompts without labels ({data})" if data else " on prompts without labels"
    reason = str(outcome.get("stop_reason") or "").rstrip(".")
    end = f"; reason for stopping: {reason}" if reason else ""
    return f"SIRL trained {model}{length}{source}, rewarding nothing but {reward}{end}."


def _gated(folders: Sequence[RunFolder]) -> str:
    gates = [folder for folder in folders if folder.gate]
    if not gates:
        return ""
    prompts = gates[0].gate.get("prompts", []) if gates[0].gate else []
    answers = max((len(prompt.get("entropies", [])) for prompt in prompts), default=0)
    return (
        f"Untouched, the model answered {len(prompts)} prompts up to {answers} times each, and its answers were split "
        "without labels by how sure it was."
    )


def _result(headlines: Sequence[Headline]) -> str:
    if not headlines:
        return ""
    parts = [_moved(headline) if len(headline.rows) == 2 else _stands(headline) for headline in headlines]
    text = _listed(parts)
    return f"{text[0].upper()}{text[1:]}." if any(len(one.rows) == 2 for one in headlines) else f"Found: {text}."


def _moved(headline: Headline) -> str:
    start, end = (value_of(row) for _, row in headline.rows)
    return f"{_name(headline)} stayed at {end}" if start == end else f"{_name(headline)} went from {start} to {end}"


def _stands(headline: Headline) -> str:
    if len(headline.rows) == 1:
        return f"{_name(headline)} {value_of(headline.rows[0][1])}"
    judged = [(arm, row) for arm, row in headline.rows if row.value is not None]
    if not judged:
        return f"{_name(headline)} {value_of(headline.rows[0][1])}"
    low, high = (choose(judged, key=lambda pair: pair[1].value or 0.0) for choose in (min, max))
    if value_of(low[1]) == value_of(high[1]):
        return f"{_name(headline)} {value_of(low[1])} for all"
    return f"{_name(headline)} from {value_of(low[1])} ({low[0].label}) to {value_of(high[1])} ({high[0].label})"


def _name(headline: Headline) -> str:
    return headline.label[0].lower() + headline.label[1:]


def _listed(items: Sequence[str]) -> str:
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"


MEASURED = ("dsr", "benign_compliance", "skill_accuracy")
PREFLIGHT = ("admitted_share", "mode_gap", "mode_threshold")
REWARDS = {
    "entropy": "the model's own confidence",
    "frozen-entropy": "the confidence of its frozen start",
    "perplexity": "low perplexity",
    "self-certainty": "self-certainty",
    "random": "chance (a control)",
    "reversed": "doubt (a control)",
}

"""What was done, in at most three sentences, and the few numbers that matter; every number is a row of the metrics."""

from collections.abc import Sequence
from pathlib import PurePath
from typing import NamedTuple

from instincts.records import Metric
from instincts.report.arms import Arm, Comparison
from instincts.report.folders import RunFolder
from instincts.report.words import term, value_of

__all__ = ["Headline", "headlines_of", "model_name", "sentences_of", "title_of"]


class Headline(NamedTuple):
    """One large number, or how it moved."""

    label: str
    gloss: str
    rows: tuple[tuple[Arm, Metric], ...]


def headlines_of(comparison: Comparison) -> list[Headline]:
    """Pick what matters most of what was measured: safety, willingness, skill; else what a pre-flight found."""
    found = [_headline(comparison, metric) for metric in ("dsr", "benign_compliance", "skill_accuracy")]
    if not any(found):
        found = [_headline(comparison, metric) for metric in ("auroc", "entropy_gap", "admitted_share", "threshold")]
    return [headline for headline in found if headline is not None][:3]


def title_of(folders: Sequence[RunFolder]) -> str:
    """Name the page after the models it is about."""
    models = list(dict.fromkeys(model_name(model) for folder in folders for model in folder.card.models))
    subject = " and ".join(models[:2]) if models else folders[0].name
    verbs = {folder.card.verb for folder in folders}
    if verbs & {"demo"} or {"before", "after"} <= {row.run for folder in folders for row in folder.metrics}:
        return f"{models[0] if models else subject}, before and after"
    if verbs == {"preflight"}:
        return f"Has {subject} an instinct to amplify?"
    if verbs == {"train"}:
        return f"Training {subject}"
    return f"How safe {'is' if len(models) < 2 else 'are'} {subject}?"


def sentences_of(folders: Sequence[RunFolder], comparison: Comparison, headlines: Sequence[Headline]) -> list[str]:
    """Say what was measured, what was done, and what came of it; what did not happen is not mentioned."""
    training = next((folder for folder in folders if folder.card.verb == "train" or folder.curves), None)
    candidates = (
        _measured(folders, comparison),
        _trained(training) if training is not None else _gated(folders),
        _result(headlines),
    )
    return [sentence for sentence in candidates if sentence]


def model_name(model: str) -> str:
    """Shorten a path to its last part; a hub id or a pocket name stays as it is."""
    return PurePath(model).name if model.startswith(("/", "./", "../", "~")) or model.count("/") > 1 else model


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
    models = list(dict.fromkeys(model_name(arm.model) for arm in comparison.arms_with("dsr") or comparison.arms))
    trained = any(folder.card.verb in {"demo", "train"} for folder in folders)
    subject = models[0] if trained else _listed(models)
    verb = "was" if trained or len(models) == 1 else "were"
    return f"{subject} {verb} measured on {_listed(tasks)}."


def _trained(folder: RunFolder) -> str:
    settings, outcome = folder.card.settings, folder.card.outcome
    reward = REWARDS.get(str(settings.get("reward", "entropy")), f"its {settings.get('reward')} reward")
    data = _listed([PurePath(name).name for name in folder.card.data][:2])
    steps = outcome.get("stop_step", folder.curves.last_step if folder.curves else None)
    length = f" for {steps} {'step' if steps == 1 else 'steps'}" if steps else ""
    source = f" on prompts without labels ({data})" if data else " on prompts without labels"
    reason = str(outcome.get("stop_reason") or "").rstrip(".")
    end = f", and stopped because {reason}" if reason else ""
    return f"SIRL trained it{length}{source}, rewarding nothing but {reward}{end}."


def _gated(folders: Sequence[RunFolder]) -> str:
    gates = [folder for folder in folders if folder.gate]
    if not gates:
        return ""
    prompts = gates[0].gate.get("prompts", []) if gates[0].gate else []
    answers = max((len(prompt.get("entropies", [])) for prompt in prompts), default=0)
    return (
        f"The untouched model answered {len(prompts)} prompts up to {answers} times each, and its answers were split, "
        "without labels, by how sure it was."
    )


def _result(headlines: Sequence[Headline]) -> str:
    parts = []
    for headline in headlines:
        rows = [row for _, row in headline.rows]
        name = headline.label if headline.label.isupper() else headline.label[0].lower() + headline.label[1:]
        if len(rows) == 1:
            parts.append(f"{name} is {value_of(rows[0])}")
        elif len(rows) == 2:
            moved = "stayed at" if value_of(rows[0]) == value_of(rows[1]) else f"went from {value_of(rows[0])} to"
            parts.append(f"{name} {moved} {value_of(rows[1])}")
        else:
            parts.append(f"{name} is {_listed([f'{value_of(row)} ({arm.label})' for arm, row in headline.rows])}")
    text = _listed(parts)
    return f"{text[0].upper()}{text[1:]}." if text else ""


def _listed(items: Sequence[str]) -> str:
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"


REWARDS = {
    "entropy": "the model's own confidence",
    "frozen-entropy": "the confidence of its frozen start",
    "perplexity": "low perplexity",
    "self-certainty": "self-certainty",
    "random": "chance (a control)",
    "reversed": "doubt (a control)",
}

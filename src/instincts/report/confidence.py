"""How sure a model was: of its refusals and compliances under evaluation, and of its answers before any training."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from instincts.report.arms import Arm, Comparison
from instincts.report.figures import entropy_figure, gate_figure, histogram_peak
from instincts.report.folders import RunFolder
from instincts.report.samples import Answer
from instincts.report.tables import HALF, NARROW, WIDE, Drawing, TableLine, identity, line_of
from instincts.report.words import term

__all__ = ["EntropyBlock", "GateBlock", "entropy_block", "gate_blocks"]


@dataclass(frozen=True, kw_only=True)
class EntropyBlock:
    """How sure the models were when they refused and when they complied."""

    arms: tuple[Arm, ...]
    drawings: list[Drawing]
    lines: list[TableLine]
    data: dict[str, dict[str, list[float]]]
    """By arm and outcome, the values the figures were drawn from, nats."""


@dataclass(frozen=True, kw_only=True)
class GateBlock:
    """What the untouched model's answers say before any training."""

    name: str
    verdict: str
    is_trainable: bool | None
    is_bimodal: bool | None
    threshold: float | None
    admitted_share: float | None
    prompts: int
    answers: int
    drawing: Drawing | None


def entropy_block(comparison: Comparison, answers: Mapping[Arm, Sequence[Answer]]) -> EntropyBlock | None:
    """Build the entropy part from logged answers and the rows about them; `None` where neither exists."""
    # Only harm is looked at: what refusing a harmful request looks like beside giving in to it.
    attacked = [suite for suite in comparison.suites("dsr") if "@" not in suite]
    suites = list(dict.fromkeys([*attacked, *comparison.suites("entropy_gap")]))
    split = {arm: _by_outcome(of_arm, attacked or suites) for arm, of_arm in answers.items()}
    split = {arm: outcomes for arm, outcomes in split.items() if any(outcomes.values())}
    measured = {arm for metric in METRICS for suite in suites for arm in comparison.arms_with(metric, suite)}
    arms = tuple(arm for arm in comparison.arms if arm in measured)
    lines = [line for suite in suites for line in _lines(comparison, suite, arms)]
    if not split and not lines:
        return None
    values = [kind for outcomes in split.values() for kind in outcomes.values()]
    top = 1.02 * max((max(kind) for kind in values if kind), default=1.0)
    peak = histogram_peak(values, top)
    return EntropyBlock(
        arms=arms,
        drawings=[
            _entropy_drawing(arm.label, outcomes, top=top, peak=peak, name=identity("entropy", number))
            for number, (arm, outcomes) in enumerate(split.items())
        ],
        lines=lines,
        data={arm.label: outcomes for arm, outcomes in split.items()},
    )


def gate_blocks(folders: Iterable[RunFolder]) -> list[GateBlock]:
    """Build a block for each folder that holds a gate."""
    gates = [(folder.name, folder.gate) for folder in folders if folder.gate is not None]
    return [_gate_block(name, gate, number) for number, (name, gate) in enumerate(gates)]


def _by_outcome(answers: Iterable[Answer], suites: Sequence[str]) -> dict[str, list[float]]:
    judged = [
        (answer.outcome, answer.mean_entropy)
        for answer in answers
        if answer.mean_entropy is not None and not answer.is_harmless and (answer.suite in suites or not suites)
    ]
    return {
        name: sorted(entropy for said, entropy in judged if said == outcome)
        for name, outcome in (("refusals", "refused"), ("compliances", "complied"))
    }


def _entropy_drawing(
    title: str, outcomes: Mapping[str, Sequence[float]], *, top: float, peak: int, name: str
) -> Drawing:
    refusals, compliances = outcomes["refusals"], outcomes["compliances"]
    label = (
        f"Histogram of mean token entropies, {title}: {len(refusals)} refusals above the line, "
        f"{len(compliances)} compliances below it, from 0 to {top:.2f} nats"
    )
    wide, narrow = (
        entropy_figure(refusals, compliances, top=top, peak=peak, name=f"{name}-{width}", label=label, width=width)
        for width in (HALF, NARROW)
    )
    return Drawing(title, wide, narrow)


def _lines(comparison: Comparison, suite: str, arms: Sequence[Arm]) -> list[TableLine]:
    lines = []
    for metric in METRICS:
        slices = dict.fromkeys(row.slice for row in comparison.rows if (row.suite, row.metric) == (suite, metric))
        for name in slices:
            label = term(metric).label + ("" if name == "all" else f", {name.replace('_', ' ')}")
            lines.append(line_of(comparison, arms, suite, metric, name)._replace(label=label))
    return lines


def _gate_block(name: str, gate: Mapping[str, Any], number: int) -> GateBlock:
    prompts = gate.get("prompts") or []
    entropies = [float(value) for prompt in prompts for value in prompt.get("entropies") or () if value is not None]
    threshold = gate.get("threshold")
    return GateBlock(
        name=name,
        verdict=str(gate.get("verdict") or ""),
        is_trainable=gate.get("trainable"),
        is_bimodal=gate.get("is_bimodal"),
        threshold=threshold,
        admitted_share=gate.get("admitted_share"),
        prompts=len(prompts),
        answers=len(entropies),
        drawing=_gate_drawing(entropies, threshold, number) if entropies else None,
    )


def _gate_drawing(entropies: Sequence[float], threshold: float | None, number: int) -> Drawing:
    label = f"Histogram of the mean token entropies of {len(entropies)} answers of the untouched model, in nats"
    label += "" if threshold is None else f"; the threshold is at {threshold:.3f}"
    wide, narrow = (
        gate_figure(entropies, threshold=threshold, name=identity("gate", number, width), label=label, width=width)
        for width in (WIDE, NARROW)
    )
    return Drawing("Answers of the untouched model", wide, narrow)


METRICS = ("mean_entropy", "entropy_gap", "pooled_gap", "cohens_d", "auroc", "reach")

"""Moderators side by side: their rates beside what reads nothing, and how far each is from the first.

Two runs are compared on the requests that both were given, so separate folders do. What is computed here, for a page
may join several runs, are only the paired changes; every rate is a row of the metrics.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from instincts.report.arms import Arm, Comparison
from instincts.report.folders import RunFolder
from instincts.report.samples import readable
from instincts.report.tables import TableLine, line_of
from instincts.report.words import term

if TYPE_CHECKING:
    from instincts.suites.answers import JudgedAnswer
    from instincts.suites.moderation.paired import ModeratorChange

__all__ = ["ModeratorsBlock", "moderators_block"]

SUITE = "moderation"


@dataclass(frozen=True, kw_only=True)
class ModeratorsBlock:
    """Everything on a page about moderators."""

    arms: tuple[Arm, ...]
    lines: list[TableLine]
    """Of all sets together: a metric each."""
    sets: list[tuple[str, list[TableLine]]]
    """The same, set by set, where there are several."""
    against: str
    """The moderator that others are compared with; empty where there is one alone."""
    changes: "list[ModeratorChange]"

    def to_json(self) -> dict[str, Any]:
        """Return the comparison as plain data; rates are rows already."""
        return {"against": self.against, "changes": [_plain(each) for each in self.changes]}


def moderators_block(
    comparison: Comparison, parts: Sequence[RunFolder], pairable: Collection[Arm]
) -> ModeratorsBlock | None:
    """Build the part about moderators; None where no run measured one.

    Args:
        comparison: the rows.
        parts: the folders with their logs.
        pairable: the arms that were asked the same as the first.

    Raises:
        RecordError: a log cannot be read.
    """
    from instincts.suites.moderation.paired import moderator_changes

    arms = _without_repeats(comparison)
    if not arms:
        return None

    answers = [
        replace(answer, model=arm.label)
        for arm in arms
        if arm in pairable
        for answer in _answers(parts, arm)
    ]  # fmt: skip
    changes = moderator_changes(answers)
    return ModeratorsBlock(
        arms=arms,
        lines=_lines(comparison, arms, "all", WHOLE),
        sets=[(name, _lines(comparison, arms, name, EACH_SET)) for name in comparison.slices(SUITE, "share_harmful")],
        against=changes[0].against if changes else "",
        changes=changes,
    )


def _without_repeats(comparison: Comparison) -> tuple[Arm, ...]:
    """Keep one of the controls that several folders with the same requests bring."""
    from instincts.suites.moderation.rates import CONTROLS

    kept: dict[object, Arm] = {}
    for arm in comparison.arms_with("share_harmful", SUITE):
        row = comparison.row(arm, SUITE, "share_harmful")
        same = (arm.model, row.n, row.value) if row is not None and arm.model in CONTROLS else arm
        kept.setdefault(same, arm)
    return tuple(kept.values())


def _answers(parts: Sequence[RunFolder], arm: Arm) -> "list[JudgedAnswer]":
    """Read what a moderator said; of two answers to one request the later counts, as a run that went on has both."""
    found = [
        answer
        for part in parts
        if arm.run in part.runs
        for log in part.logs
        for answer in _of_log(log)
        if answer.model == arm.model and answer.is_primary
    ]
    return list({answer.prompt_id: answer for answer in found}.values())


def _of_log(path: Path) -> "Iterator[JudgedAnswer]":
    from inspect_ai.log import read_eval_log

    from instincts.suites.answers import read_answers

    with readable(path):
        header = read_eval_log(str(path), header_only=True)
        if header.eval.task.rpartition("/")[2] == SUITE:
            yield from read_answers(header)


def _lines(comparison: Comparison, arms: Sequence[Arm], name: str, metrics: Sequence[str]) -> list[TableLine]:
    lines = [line_of(comparison, arms, SUITE, metric, name) for metric in metrics]
    return [
        line._replace(label=term(metric).label)
        for metric, line in zip(metrics, lines, strict=True)
        if any(line.rows)
    ]  # fmt: skip


def _plain(change: "ModeratorChange") -> dict[str, Any]:
    found = change.found
    named = {name: value for name, value in asdict(change).items() if name != "found"}
    return {**named, **found.interval._asdict(), "p_value": found.p_value}


EACH_SET = ("share_harmful", "f1", "recall", "fpr", "harm_auroc", "harm_auprc", "fpr_at_recall_90",
            "fpr_at_recall_95", "brier", "calibration_error")  # fmt: skip
WHOLE = (*EACH_SET, "mean_f1", "weighted_f1", "no_verdict")

"""Everything that is computed for a page, in one place: rows and answers in, comparisons out; draws nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from instincts.report.arms import Arm, Comparison, compare
from instincts.report.changes import WHOLE, Change, changes_of
from instincts.report.folders import RunFolder
from instincts.report.groups import Group, groups_of
from instincts.report.judging import CUSTOMARY, Agreement, agreements_of
from instincts.report.moderators import ModeratorsBlock, moderators_block
from instincts.report.samples import Answer, read_answers
from instincts.report.standings import Standing, alarms_of, standings_of
from instincts.report.words import model_name

__all__ = ["Compared", "compared"]


@dataclass(frozen=True, kw_only=True)
class Compared:
    """The arms of a page side by side."""

    comparison: Comparison
    answers: Mapping[Arm, Sequence[Answer]]
    changes: list[Change]
    standings: list[Standing]
    groups: list[Group]
    agreements: list[Agreement]
    moderators: ModeratorsBlock | None
    alarms: list[str]
    """What has to be said before any number."""
    notes: list[str]
    """What could not be compared, and why."""

    @property
    def is_disputed(self) -> bool:
        """Whether the judges agree too little for one defence success rate to be the headline."""
        return any(one.disputed for one in self.agreements if one.suite in self.comparison.suites("dsr"))

    def overall(self, metric: str) -> list[Change]:
        """Return how each arm's mean moved."""
        return [one for one in self.changes if (one.metric, one.slice) == (metric, WHOLE)]

    def attack_by_attack(self) -> list[Change]:
        """Return the tests that were corrected together."""
        return [one for one in self.changes if one.p_holm is not None]

    def to_json(self) -> dict[str, Any]:
        """Return the numbers that are not rows of the metrics."""
        return {
            "alarms": self.alarms,
            "standings": [one.to_json() for one in self.standings],
            "changes": [one.to_json() for one in self.changes],
            "groups": [one.to_json() for one in self.groups],
            "agreement": [one.to_json() for one in self.agreements],
            **({"moderators": self.moderators.to_json()} if self.moderators else {}),
        }


def compared(parts: Sequence[RunFolder]) -> Compared:
    """Set the arms of some folders side by side.

    Raises:
        RecordError: a log cannot be read.
    """
    comparison = compare(row for part in parts for row in part.metrics)
    answers = _answers_by_arm(parts, comparison.arms)
    pairable, notes = _pairable(comparison, answers)
    changes = changes_of(comparison, pairable)
    standings = standings_of(comparison, changes)
    agreements = agreements_of(comparison, answers)
    return Compared(
        comparison=comparison,
        answers=answers,
        changes=changes,
        standings=standings,
        groups=[group for suite in comparison.suites("dsr") for group in groups_of(comparison, answers, suite)],
        agreements=agreements,
        moderators=moderators_block(comparison, parts, pairable),
        alarms=alarms_of(standings, comparison.arms),
        notes=[*notes, *_unshared(changes), *_disputed(agreements)],
    )


def _answers_by_arm(parts: Sequence[RunFolder], arms: Sequence[Arm]) -> dict[Arm, list[Answer]]:
    """Give each arm the answers its folder logged; a folder with several models is told apart by model."""
    found: dict[Arm, list[Answer]] = {arm: [] for arm in arms}
    for part in parts:
        own = [arm for arm in arms if arm.run in part.runs]
        if not own:
            continue
        for answer in read_answers(part.logs):
            for arm in own:
                if len(own) == 1 or arm.model == answer.model:
                    found[arm].append(answer)
    return found


def _pairable(
    comparison: Comparison, answers: Mapping[Arm, Sequence[Answer]]
) -> tuple[dict[Arm, Sequence[Answer]], list[str]]:
    """Keep the arms that were asked the same as the first: two files may give the same id to different requests."""
    measured = [arm for arm in comparison.arms if answers[arm]]
    goals = {arm: {(one.suite, one.prompt): one.goal for one in answers[arm]} for arm in measured}
    apart = [
        arm
        for arm in measured[1:]
        if any(goals[measured[0]].get(prompt, goal) != goal for prompt, goal in goals[arm].items())
    ]
    notes = [
        f"{model_name(arm.label)} was asked other requests than {model_name(measured[0].label)} under the same ids, so "
        "the two are not compared question by question."
        for arm in apart
    ]
    return {arm: answers[arm] for arm in measured if arm not in apart}, notes


def _unshared(changes: Sequence[Change]) -> list[str]:
    return [
        f"{model_name(one.arm.label)} and {model_name(one.against.label)} did not meet the same attacks "
        f"({len(one.unshared)} differ, the first is {one.unshared[0]}): their means over all attacks cannot be "
        "compared; the changes are over the attacks that both met."
        for one in changes
        if one.unshared and one.metric == "dsr"
    ]


def _disputed(agreements: Sequence[Agreement]) -> list[str]:
    return [
        f"The judges agree too little on {' and '.join(map(model_name, one.disputed))} (alpha below {CUSTOMARY}) for "
        "one defence success rate to be a headline; read the judges apart."
        for one in agreements
        if one.disputed and one.metric == "dsr"
    ]

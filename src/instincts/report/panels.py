"""Which curves of a training stand together in one picture; knows the keys of `training.jsonl`, draws nothing."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from instincts.report.figures import Line, Mark
from instincts.report.training import Curves, Kind

__all__ = ["Panel", "marks_of", "panels_of"]


class Panel(NamedTuple):
    """One picture of a training."""

    id: str
    title: str
    unit: str
    is_share: bool
    lines: list[Line]


def panels_of(curves: Curves, *, is_labelled: bool) -> list[Panel]:
    """Gather the panels for which a training recorded anything, in reading order.

    Args:
        curves: what it recorded.
        is_labelled: whether its canaries had labels; without, other things stand in for refusals and compliances and
            are called what they are.
    """
    panels = []
    for name, title, unit, is_share, wanted in PANELS:
        lines = [
            Line(label if is_labelled else UNLABELLED.get(label, label), ink, points, kind == "check")
            for kind, key, label, ink in wanted
            if not (is_labelled and label == READ) and (points := curves.curve(kind, key))
        ]
        if lines:
            panels.append(Panel(name, title, unit, is_share, lines))
    return panels


def marks_of(outcome: Mapping[str, Any]) -> list[Mark]:
    """Find the steps to point at: where training stopped, and which checkpoint was kept where that is another."""
    stop, best = outcome.get("stop_step"), outcome.get("best_step")
    if isinstance(stop, int) and stop == best:
        return [Mark(stop, "stopped and kept", "ink")]
    marks = [Mark(stop, "stopped", "ink")] if isinstance(stop, int) else []
    if isinstance(best, int):
        marks.append(Mark(best, "kept", "after"))
    return marks


READ = "contested, read as refusals"
"""The one curve that is drawn without labels only; with them it is that of the harmful that were refused."""

UNLABELLED = {
    "harmful refused": "contested, answered surely",
    "harmless answered": "rejected, answered unsurely",
    "harmful canaries": "contested canaries",
    "harmless canaries": "rejected canaries",
}
Wanted = tuple[Kind, str, str, str]
PANELS: tuple[tuple[str, str, str, bool, tuple[Wanted, ...]], ...] = (
    (
        "canaries",
        "What the canaries do",
        "share of answers",
        True,
        (
            ("check", "dsr", "harmful refused", "refusal"),
            ("check", "refusal_share", READ, "ink"),
            ("check", "benign_compliance", "harmless answered", "compliance"),
            ("check", "skill_accuracy", "skills right", "third"),
        ),
    ),
    (
        "entropy",
        "How unsure the model is",
        "mean token entropy, nats",
        False,
        (
            ("step", "entropy", "rollouts", "ink"),
            ("check", "entropy_harmful", "harmful canaries", "refusal"),
            ("check", "entropy_benign", "harmless canaries", "compliance"),
        ),
    ),
    ("reward", "Reward", "mean over rollouts", False, (("step", "reward", "reward", "ink"),)),
    (
        "kl",
        "Distance to the untouched model",
        "KL, nats a token",
        False,
        (("step", "kl", "rollouts", "ink"), ("check", "kl", "between checks", "third")),
    ),
    (
        "confident",
        "Confident answers",
        "share",
        True,
        (
            ("step", "confident_share", "confident", "refusal"),
            ("step", "gated_share", "on rewarded prompts", "before"),
            ("check", "confident_share", "canaries", "third"),
            ("check", "confident_share_harmful", "harmful canaries", "compliance"),
        ),
    ),
    (
        "length",
        "Length of answers",
        "tokens",
        False,
        (("step", "length", "rollouts", "ink"), ("check", "length", "canaries", "third")),
    ),
    (
        "health",
        "Signs of decay",
        "share",
        True,
        (
            ("check", "distinct_2", "distinct word pairs", "third"),
            ("check", "top_phrase_share", "one stock phrase", "fourth"),
            ("check", "repetition", "repetition", "compliance"),
            ("check", "missing_eos", "never ended", "refusal"),
        ),
    ),
)

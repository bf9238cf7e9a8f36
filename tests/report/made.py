"""Rows, answers and changes made by hand for the tests of single parts of a page."""

from pathlib import Path
from typing import Any

from instincts.records import Metric
from instincts.report.arms import Arm
from instincts.report.changes import Change
from instincts.report.samples import Answer, Outcome, Place, Ruling

FIRST, SECOND = Arm("before", "m", "before", "A"), Arm("after", "m", "after", "B")


def row(metric: str, value: float | None, slice_name: str = "all", **known: Any) -> Metric:
    """Make a row of run `before`, model `m`, suite `jailbreak`, with an interval of a tenth around it."""
    ends = {} if value is None else {"ci_low": max(value - 0.05, 0.0), "ci_high": min(value + 0.05, 1.0)}
    given = {
        "run": "before",
        "model": "m",
        "suite": "jailbreak",
        "n": 20,
        "seed": 0,
        "ci_low": None,
        "ci_high": None,
        **ends,
    }
    return Metric.model_validate({**given, "metric": metric, "value": value, "slice": slice_name, **known})


def answer(outcome: Outcome, prompt: str = "p", attack: str = "plain", **known: Any) -> Answer:
    """Make an answer of suite `jailbreak` to a request labelled harmful."""
    given: dict[str, Any] = {
        "model": "m", "suite": "jailbreak", "epoch": 1, "label": "harmful", "category": None, "goal": hash(prompt),
        "asked": 0, "mean_entropy": None, "rulings": (Ruling("pocket", outcome),), "place": Place(Path("x"), prompt, 1),
    }  # fmt: skip
    return Answer(**{**given, "prompt": prompt, "attack": attack, **known})


def change(value: float | None, slice_name: str = "all", *, arm: Arm = SECOND, **known: Any) -> Change:
    """Make a change of an arm against the first, with an interval of two tenths around it."""
    ends = (None, None) if value is None else (value - 0.1, value + 0.1)
    given: dict[str, Any] = {
        "suite": "jailbreak", "metric": "dsr", "n": 20, "pairs": 20, "dropped": 0, "raised": 0, "lowered": 0,
        "p_value": 1.0, "low": ends[0], "high": ends[1],
    }  # fmt: skip
    return Change(arm=arm, against=FIRST, value=value, slice=slice_name, **{**given, **known})

"""What is compared with what: the runs and models of a page, and their rows; knows no metric by name."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from instincts.records import Metric

__all__ = ["CANARIES", "Arm", "Comparison", "compare"]


class Arm(NamedTuple):
    """One side of a comparison."""

    run: str
    model: str
    label: str
    """How it is called on the page: the run, or the model, whichever tells the arms apart."""


@dataclass(frozen=True)
class Comparison:
    """The rows of all arms. The first arm is the one others are compared with."""

    arms: tuple[Arm, ...]
    rows: tuple[Metric, ...]

    def row(self, arm: Arm, suite: str, metric: str, slice_name: str = "all") -> Metric | None:
        """Find one row; `None` where it was not measured."""
        return next(
            (
                row
                for row in self.rows
                if (row.run, row.model, row.suite, row.metric, row.slice)
                == (arm.run, arm.model, suite, metric, slice_name)
            ),
            None,
        )

    def suites(self, metric: str) -> list[str]:
        """Name the suites that measured a metric, in the order of their rows, but for a training's canaries.

        Canaries steer a training and may stand in for labels, so no comparison rests on them.
        """
        names = (row.suite for row in self.rows if row.metric == metric)
        return [name for name in dict.fromkeys(names) if name != CANARIES]

    def slices(self, suite: str, metric: str) -> list[str]:
        """Name the slices of a metric but `all` and categories, in the order of their rows."""
        names = dict.fromkeys(row.slice for row in self.rows if row.suite == suite and row.metric == metric)
        return [name for name in names if name != "all" and " × " not in name and not name.startswith("category ")]

    def arms_with(self, metric: str, suite: str | None = None) -> tuple[Arm, ...]:
        """Keep the arms that measured a metric, in one suite or in any but canaries."""
        suites = self.suites(metric) if suite is None else [suite]
        measured = {(row.run, row.model) for row in self.rows if row.metric == metric and row.suite in suites}
        return tuple(arm for arm in self.arms if (arm.run, arm.model) in measured)


def compare(rows: Iterable[Metric]) -> Comparison:
    """Set rows side by side, `before` first and `after` last, others as they come; a row given twice counts once."""
    unique = tuple(dict.fromkeys(rows))
    pairs = sorted(dict.fromkeys((row.run, row.model) for row in unique), key=lambda pair: ORDER.get(pair[0], 1))
    return Comparison(tuple(_labelled(pairs)), unique)


def _labelled(pairs: Sequence[tuple[str, str]]) -> list[Arm]:
    runs, models = [run for run, _ in pairs], [model for _, model in pairs]
    if len(set(runs)) == len(pairs):
        return [Arm(run, model, run) for run, model in pairs]
    if len(set(models)) == len(pairs):
        return [Arm(run, model, model) for run, model in pairs]
    return [Arm(run, model, f"{run} · {model}") for run, model in pairs]


CANARIES = "canaries"
ORDER = {"before": 0, "after": 2}

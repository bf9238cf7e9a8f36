"""What is compared with what: the runs and models of a page, and their rows; knows no metric by name."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from string import ascii_uppercase
from typing import NamedTuple

from instincts.records import Metric
from instincts.report.words import model_name

__all__ = ["CANARIES", "VALIDATION", "Arm", "Comparison", "compare"]


class Arm(NamedTuple):
    """One side of a comparison."""

    run: str
    model: str
    label: str
    """How it is called on the page: the run, or the model, whichever tells the arms apart."""
    tag: str
    """A letter for it where names do not fit."""


@dataclass(frozen=True)
class Comparison:
    """The rows of all arms. The first arm is the one others are compared with."""

    arms: tuple[Arm, ...]
    rows: tuple[Metric, ...]

    def row(self, arm: Arm, suite: str, metric: str, slice_name: str = "all") -> Metric | None:
        """Find one row; `None` where it was not measured."""
        return self._by_place.get((arm.run, arm.model, suite, metric, slice_name))

    def suites(self, metric: str) -> list[str]:
        """Name the suites that measured a metric, in the order of their rows, but for canaries and validation.

        Canaries steer a training and may stand in for labels, validation prompts choose a strength: no comparison rests
        on either.
        """
        names = (row.suite for row in self.rows if row.metric == metric)
        return [name for name in dict.fromkeys(names) if name not in (CANARIES, VALIDATION)]

    def slices(self, suite: str, metric: str) -> list[str]:
        """Name the slices of a metric but `all`, in the order of their rows: attacks, tasks, kinds of request.

        Left out are categories, alone (`category X`) and crossed with attacks: a heat map shows those.
        """
        names = self._names(suite, metric)
        return [name for name in names if name != "all" and CROSSED not in name and not name.startswith(CATEGORY)]

    def crossed(self, suite: str, metric: str) -> list[tuple[str, str]]:
        """Name the slices of a metric that are an attack within a category."""
        parts = (name.partition(CROSSED) for name in self._names(suite, metric))
        return [(attack, category) for attack, crossed, category in parts if crossed]

    def arms_with(self, metric: str, suite: str | None = None) -> tuple[Arm, ...]:
        """Keep the arms that measured a metric, in one suite or in any but canaries."""
        suites = self.suites(metric) if suite is None else [suite]
        measured = {(row.run, row.model) for row in self.rows if row.metric == metric and row.suite in suites}
        return tuple(arm for arm in self.arms if (arm.run, arm.model) in measured)

    @cached_property
    def _by_place(self) -> dict[tuple[str, str, str, str, str], Metric]:
        # Of two rows about one thing the first counts.
        return {(row.run, row.model, row.suite, row.metric, row.slice): row for row in reversed(self.rows)}

    def _names(self, suite: str, metric: str) -> list[str]:
        return list(dict.fromkeys(row.slice for row in self.rows if (row.suite, row.metric) == (suite, metric)))


def compare(rows: Iterable[Metric]) -> Comparison:
    """Set rows side by side, `before` first and `after` last, others as they come; a row given twice counts once."""
    unique = tuple(dict.fromkeys(rows))
    pairs = sorted(dict.fromkeys((row.run, row.model) for row in unique), key=lambda pair: ORDER.get(pair[0], 1))
    return Comparison(tuple(_labelled(pairs)), unique)


def _labelled(pairs: Sequence[tuple[str, str]]) -> list[Arm]:
    runs, models = [run for run, _ in pairs], [model for _, model in pairs]
    labels = [f"{run} · {model}" for run, model in pairs]
    # Folders are often called after a date, models never; but before and after a training say more than any name.
    for names in (models, runs) if not set(runs) & set(ORDER) else (runs, models):
        if len({model_name(name) for name in names}) == len(pairs):
            labels = names
            break
    return [Arm(*pair, label, _tag(place)) for place, (pair, label) in enumerate(zip(pairs, labels, strict=True))]


def _tag(place: int) -> str:
    """Count A to Z, then A2 to Z2."""
    turn, letter = divmod(place, len(ascii_uppercase))
    return f"{ascii_uppercase[letter]}{turn + 1 if turn else ''}"


CROSSED = " × "
CATEGORY = "category "
CANARIES = "canaries"
VALIDATION = "validation"
ORDER = {"before": 0, "after": 2}

"""Tries strengths one after the other and keeps each finished point, so that a kill costs one; knows no way to steer.

What is tried comes in as two functions: a model at some strength of the weights, and the vector read from that model.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from instincts.arithmetic.knee import Point, Taken, take
from instincts.arithmetic.streaming import Progress
from instincts.arithmetic.sweep_settings import SweepSettings
from instincts.arithmetic.trials import Trial
from instincts.arithmetic.validation import Answered, Validation, measure
from instincts.errors import ConfigError, PromptSetError, RecordError, SteeringError
from instincts.models.opening import OpenModel
from instincts.models.steering import steered
from instincts.models.vectors import VectorSet
from instincts.records import Metric, write_text
from instincts.statistics import Interval

__all__ = ["POINTS_FILE", "Points", "choose", "compared_rows", "point_of", "require", "told"]

POINTS_FILE = "points.jsonl"

SUITE = "validation"
"""Suite of the rows of a sweep; no suite of `evaluate` is called so."""

Build = Callable[[OpenModel], VectorSet]


class Points:
    """The finished points of a run folder, a line each in `points.jsonl`."""

    def __init__(self, out: Path) -> None:
        self._path = out / POINTS_FILE
        self._found: dict[tuple[float, float], Point] = {}
        text = self._path.read_text(encoding="utf-8") if self._path.is_file() else ""
        for line in text.splitlines():
            try:
                point = _read(json.loads(line))
            except (ValueError, KeyError, TypeError):
                continue  # cut off by a kill: it is measured again
            self._found[point.weights, point.vector] = point
        # Written anew, so that the next line does not begin in the middle of one that was cut off; in one step, so that
        # a full disk costs none of them.
        if text and not text.endswith("\n"):
            write_text(self._path, "".join(_line(point) for point in self._found.values()))

    def __contains__(self, strengths: tuple[float, float]) -> bool:
        return strengths in self._found

    def __len__(self) -> int:
        return len(self._found)

    def at(self, pairs: Sequence[tuple[float, float]]) -> list[Point]:
        """The points of these strengths, in their order."""
        return [self._found[pair] for pair in pairs]

    def add(self, point: Point) -> None:
        """Keep a point.

        Raises:
            RecordError: it could not be written.
        """
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(_line(point))
        except OSError as error:
            raise RecordError(f"cannot write {self._path}: {error.strerror}; free some space") from error
        self._found[point.weights, point.vector] = point


def choose(
    at: Trial,
    build: Build | None,
    strengths: tuple[Sequence[float], Sequence[float]],
    validation: Validation,
    settings: SweepSettings,
    out: Path,
    progress: Progress | None = None,
) -> Taken:
    """Measure every pair of strengths that is not measured yet, and take one.

    Args:
        at: the model at a strength of the weights.
        build: reads the vector from that model; None where none is laid over it.
        strengths: those of the weights and those of the vector, each with 0.
        validation: what is asked.
        settings: how.
        out: the run folder.
        progress: draws a progress bar.

    Raises:
        ConfigError: the judge can read no answer of the model as it is.
        PromptSetError: there is no vector to be had from the model at any strength of the weights.
        RecordError: a point could not be written.
    """
    pairs = [(weights, vector) for weights in strengths[0] for vector in strengths[1]]
    points = Points(out)
    report = _Bar(len(validation), len(pairs), sum(pair in points for pair in pairs), progress)
    without: PromptSetError | None = None
    for weights in strengths[0]:
        missing = [vector for vector in strengths[1] if (weights, vector) not in points]
        if not missing:
            continue
        with at(weights) as opened:
            vectors = None
            if build is not None and any(missing):
                try:
                    vectors = build(opened)
                except PromptSetError as error:
                    # A model that refuses nothing has no refusals to read; at another strength it may have some.
                    without = error
            for vector in missing:
                if vectors is None and vector:
                    report.next()
                    continue
                with nullcontext() if vectors is None else steered(opened.model, vectors, vector):
                    answered = measure(opened, validation, settings, report.within)
                points.add(point_of(answered, weights, vector))
                report.next()
    tried = [pair for pair in pairs if pair in points]
    if without is not None and not any(vector for _, vector in tried):
        raise without
    found = points.at(tried)
    start = next(point for point in found if point.is_start)
    if start.dsr.value is None or start.benign_compliance.value is None:
        raise ConfigError(
            f"judge {validation.judge} can read no answer of the model as it is; name another with "
            "--set sweep.judge=NAME"
        )
    untried = tuple(pair for pair in pairs if pair not in points)
    return replace(take(found, settings.tolerance), untried=untried)


def point_of(answered: Answered, weights: float, vector: float) -> Point:
    """Say at which strengths answers were given."""
    return Point(weights=weights, vector=vector, **vars(answered))


def require(taken: Taken, settings: SweepSettings, *names: str) -> None:
    """Stop where no strength is worth its cost: a copy of the model would pass for a safer one.

    Args:
        taken: what was taken.
        settings: how.
        names: of the settings that list the strengths tried.

    Raises:
        SteeringError: strength 0 was taken.
    """
    if not taken.is_gain:
        raise SteeringError(
            f"no strength refuses clearly more harmful prompts than the model as it is ({_percent(taken.start.dsr)}) "
            f"at the cost of at most {100 * settings.tolerance:g} % of benign answers and of skills, so no "
            f"model was written; try others with {' and '.join(f'--set sweep.{name}=X,Y' for name in names)}, or allow "
            "more with --set sweep.tolerance=X"
        )


def told(taken: Taken, settings: SweepSettings) -> dict[str, Any]:
    """Say in `run.json` what was chosen and from what."""
    return {
        "weights": taken.point.weights,
        "vector": taken.point.vector,
        "front": [[point.weights, point.vector] for point in taken.front],
        "untried": [list(pair) for pair in taken.untried],
        "tolerance": settings.tolerance,
        "gain": taken.is_gain,
    }


def compared_rows(before: Point, after: Point, model: str) -> list[Metric]:
    """Make rows of the model as it was and as it is."""
    rows = []
    for run, point in (("untreated", before), ("steered", after)):
        for metric in ("dsr", "asr", "benign_compliance", "skill_accuracy"):
            rate: Interval = getattr(point, metric)
            if rate.n:
                rows.append(
                    Metric(
                        run=run,
                        model=model,
                        suite=SUITE,
                        slice="all",
                        metric=metric,
                        value=rate.value,
                        ci_low=rate.low,
                        ci_high=rate.high,
                        n=rate.n,
                        seed=None,
                    )
                )
    return rows


class _Bar:
    """One bar over all points, in answers."""

    def __init__(self, each: int, points: int, done: int, progress: Progress | None) -> None:
        self._each, self._points, self._done, self._progress = each, points, done, progress

    def within(self, answered: int, _: int) -> None:
        if self._progress is not None:
            self._progress("trying strengths", self._each * self._done + answered, self._each * self._points)

    def next(self) -> None:
        self._done += 1


def _line(point: Point) -> str:
    rates = {name: getattr(point, name)._asdict() for name in RATES}
    sets = {name: rate._asdict() for name, rate in point.benign_sets.items()}
    return json.dumps({**asdict(point), **rates, "benign_sets": sets}) + "\n"


def _read(row: Mapping[str, Any]) -> Point:
    rates = {name: Interval(**row[name]) for name in RATES}
    sets = {name: Interval(**rate) for name, rate in row["benign_sets"].items()}
    return Point(**{**row, **rates, "benign_sets": sets})


def _percent(rate: Interval) -> str:
    return "none could be judged" if rate.value is None else f"{100 * rate.value:.1f} %"


RATES = ("dsr", "asr", "benign_compliance", "skill_accuracy")

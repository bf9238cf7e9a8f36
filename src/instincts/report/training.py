"""The record of a training as curves over its steps; knows the file's form, not what any curve means."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from instincts.errors import RecordError

__all__ = ["Curves", "Point", "read_curves"]

Kind = Literal["step", "check"]


class Point(NamedTuple):
    """One value of a curve."""

    step: int
    value: float


@dataclass(frozen=True)
class Curves:
    """What a training wrote after each step and at each look at its canaries."""

    rows: tuple[dict[str, Any], ...]

    def curve(self, kind: Kind, key: str) -> list[Point]:
        """Return one curve in the order of its steps; rows without the value are left out, not drawn as zero."""
        points = [
            Point(int(row["step"]), float(row[key]))
            for row in self.rows
            if row.get("kind") == kind and "step" in row and _is_number(row.get(key))
        ]
        # A resumed training may write a step again; what counts is what it went on from.
        return [Point(step, value) for step, value in sorted(dict(points).items())]

    @property
    def last_step(self) -> int:
        """The highest step of any row; 0 where there is none."""
        return max((int(row["step"]) for row in self.rows if "step" in row), default=0)


def read_curves(path: Path) -> Curves:
    """Read `training.jsonl`; a last line cut off by a kill is dropped.

    Raises:
        RecordError: any other line is not a JSON object.
    """
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError:
            if number == len(lines):
                break
            raise RecordError(f"{path} line {number} is not JSON; resume the training or remove the line") from None
        if not isinstance(row, dict):
            raise RecordError(f"{path} line {number} is not a JSON object; resume the training or remove the line")
        rows.append(row)
    return Curves(tuple(rows))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)

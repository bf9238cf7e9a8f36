"""The curve of a training, one JSON row a step; knows no training, and of its columns step, loss and gradient."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from instincts.errors import TrainingError

__all__ = ["CURVE_FILE", "append_row", "check_finite", "truncate_curve"]

CURVE_FILE = "training.jsonl"


def append_row(out: Path, row: Mapping[str, Any]) -> None:
    """Write one more row into the run folder, made if absent."""
    out.mkdir(parents=True, exist_ok=True)
    with (out / CURVE_FILE).open("a", encoding="utf-8") as file:
        file.write(json.dumps(row, allow_nan=False) + "\n")


def check_finite(row: Mapping[str, Any], step: int) -> None:
    """Refuse a step whose loss or gradient is not a number.

    Raises:
        TrainingError: it is not.
    """
    for column, name in (("loss", "loss"), ("grad_norm", "gradient's norm")):
        if not math.isfinite(row.get(column, 0.0)):
            raise TrainingError(
                f"the {name} of step {step} is not finite; train again with a lower learning_rate and another --out"
            )


def truncate_curve(out: Path, step: int | None) -> None:
    """Drop the rows after a step, or all; a resumed run writes them again. A line cut off by a kill goes too."""
    path = out / CURVE_FILE
    if not path.is_file():
        return
    kept = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if step is not None and row["step"] <= step:
            kept.append(line)
    path.write_text("".join(line + "\n" for line in kept), encoding="utf-8")

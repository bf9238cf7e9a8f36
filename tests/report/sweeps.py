"""A run folder in which strengths were tried, as `steer` leaves it."""

import json
from pathlib import Path
from typing import Any

from instincts.records import Metric, new_run_card, write_metrics, write_run_card
from instincts.statistics import wilson


def rate(hits: int, n: int = 100) -> dict[str, Any]:
    return wilson(hits, n)._asdict()


def write_sweep(folder: Path, *, sweep: dict[str, Any] | None, status: str = "finished") -> Path:
    """Four points: untreated; 1, safer and as able; 2, a little safer; 3, safest and of no use."""
    points = [
        {"weights": weights, "vector": 0.0, "dsr": rate(dsr), "asr": rate(100 - dsr), "benign_compliance": rate(benign),
         "skill_accuracy": rate(0, 0), "unjudged": 0}
        for weights, dsr, benign in ((2.0, 91, 90), (0.0, 20, 95), (1.0, 90, 95), (3.0, 99, 5))
    ]  # fmt: skip
    folder.mkdir()
    (folder / "points.jsonl").write_text("".join(json.dumps(point) + "\n" for point in points))
    known: dict[str, Any] = {
        "model": "m",
        "suite": "validation",
        "slice": "all",
        "metric": "dsr",
        "n": 100,
        "seed": None,
    }
    rows = [
        Metric(run=run, value=value, ci_low=0, ci_high=1, **known)
        for run, value in (("untreated", 0.2), ("steered", 0.9))
    ]
    write_metrics(folder, rows)
    card = new_run_card("steer", settings={"strength": "auto"}, data={"pocket-validation": "0" * 64}, models={"m": "1"})
    write_run_card(folder, card, status=status, outcome={} if sweep is None else {"sweep": sweep})
    return folder


TAKEN = {"weights": 1.0, "vector": 0.0, "front": [[1, 0], [2, 0], [3, 0]], "tolerance": 0.01, "gain": True}

"""The part of a page about strengths: what was tried, what was taken, and how that is told."""

import json
from pathlib import Path
from typing import Any

import pytest

from instincts.records import Metric, new_run_card, write_metrics, write_run_card
from instincts.report.arms import compare
from instincts.report.folders import read_folders
from instincts.report.page import write_report
from instincts.report.strengths import strength_blocks, strength_headlines
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


def test_points_come_by_strength_with_what_they_are(tmp_path: Path) -> None:
    (block,) = strength_blocks(read_folders([write_sweep(tmp_path / "out", sweep=TAKEN)]))
    assert [(line.label, line.note) for line in block.lines] == [
        ("0", "untreated"),
        ("1", "on the front, taken"),
        ("2", "on the front"),
        ("3", "on the front"),
    ]
    assert block.verdict.startswith("Taken: 1 on the weights. Of the strengths on the front that cost at most 1 point")
    assert "it refuses 90.0" in block.verdict
    assert block.drawing is not None
    assert "strength 1 (on the front, taken) refuses 90.0" in block.drawing.wide


@pytest.mark.parametrize(
    ("sweep", "status", "told"),
    [
        ({**TAKEN, "weights": 0.0, "gain": False}, "refused", "None was taken: no strength is clearly safer than none"),
        (None, "interrupted", "did not come to its end, so nothing is taken yet"),
    ],
)
def test_where_nothing_was_taken_the_page_says_why(
    tmp_path: Path, sweep: dict[str, Any] | None, status: str, told: str
) -> None:
    (block,) = strength_blocks(read_folders([write_sweep(tmp_path / "out", sweep=sweep, status=status)]))
    assert told in block.verdict
    assert not block.is_taken


def test_the_page_and_its_json_hold_every_point(tmp_path: Path) -> None:
    folder = write_sweep(tmp_path / "out", sweep=TAKEN)
    write_report([folder], folder / "report.html")
    page, numbers = (folder / "report.html").read_text(), json.loads((folder / "report.json").read_text())
    assert "How strongly to steer m?" in page
    assert page.count("n&nbsp;=&nbsp;100") >= 12, "three rates of four points, each with its n"
    assert "How do they stand?" not in page, "validation prompts compare no models"
    assert len(numbers["strengths"]["out"]["points"]) == 4
    assert numbers["strengths"]["out"]["taken"] == TAKEN


def test_before_and_after_are_headlines_of_a_sweep(tmp_path: Path) -> None:
    (folder,) = read_folders([write_sweep(tmp_path / "out", sweep=TAKEN)])
    (headline,) = strength_headlines(compare(folder.metrics))
    assert [(arm.run, row.value) for arm, row in headline.rows] == [("untreated", 0.2), ("steered", 0.9)]

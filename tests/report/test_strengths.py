"""The part of a page about strengths: what was tried, what was taken, and how that is told."""

import json
from pathlib import Path
from typing import Any

import pytest

from instincts.report.arms import compare
from instincts.report.folders import read_folders
from instincts.report.page import write_report
from instincts.report.strengths import strength_blocks, strength_headlines
from tests.report.sweeps import TAKEN, write_sweep


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

from pathlib import Path

import pytest

from instincts.errors import RecordError
from instincts.report.training import Curves, Point, read_curves


def test_a_curve_leaves_out_what_was_not_measured() -> None:
    curves = Curves(
        (
            {"kind": "check", "step": 1, "dsr": None},
            {"kind": "check", "step": 5, "dsr": 0.5},
            {"kind": "check", "step": 10},
            {"kind": "step", "step": 10, "dsr": 0.9},
            {"kind": "check", "step": 15, "dsr": float("nan")},
        )
    )

    assert curves.curve("check", "dsr") == [Point(5, 0.5)]


def test_a_step_repeated_after_a_resume_counts_once_and_last() -> None:
    rows = [{"kind": "step", "step": step, "kl": kl} for step, kl in ((2, 0.1), (1, 0.3), (2, 0.2))]

    assert Curves(tuple(rows)).curve("step", "kl") == [Point(1, 0.3), Point(2, 0.2)]


def test_a_last_line_cut_off_by_a_kill_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "training.jsonl"
    path.write_text('{"kind": "step", "step": 3}\n{"kind": "st')

    assert read_curves(path).last_step == 3


@pytest.mark.parametrize("line", ["{broken", "[1, 2]"])
def test_any_other_broken_line_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "training.jsonl"
    path.write_text(f'{{"kind": "step", "step": 1}}\n{line}\n{{"kind": "step", "step": 2}}\n')

    with pytest.raises(RecordError, match="line 2"):
        read_curves(path)


def test_a_training_without_rows_has_no_curves() -> None:
    assert Curves(()).curve("step", "kl") == []
    assert Curves(()).last_step == 0

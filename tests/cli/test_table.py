"""Tables for people, JSON for programs."""

import json

import pytest

from instincts.cli.table import notice, show_metrics, show_rows
from instincts.records import Metric

ROW = Metric(
    run="before", model="m", suite="jailbreak", slice="all", metric="dsr",
    value=0.5, ci_low=0.25, ci_high=0.75, n=8, seed=0,
)  # fmt: skip


def test_json_of_metrics_is_the_rows_of_metrics_json(capsys: pytest.CaptureFixture[str]) -> None:
    show_metrics([ROW], as_json=True)

    assert [Metric.model_validate(row) for row in json.loads(capsys.readouterr().out)] == [ROW]


def test_a_table_shows_value_and_interval(capsys: pytest.CaptureFixture[str]) -> None:
    show_metrics([ROW], as_json=False)

    shown = capsys.readouterr().out
    assert "0.500" in shown
    assert "0.250 to 0.750" in shown


def test_a_column_that_never_changes_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    show_metrics([ROW, ROW.model_copy(update={"run": "after"})], as_json=False)

    assert capsys.readouterr().out.splitlines()[1].split() == ["run", "metric", "value", "95", "%", "n"]


def test_a_total_stands_for_its_slices_until_they_are_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [
        ROW,
        ROW.model_copy(update={"slice": "plain"}),
        ROW.model_copy(update={"metric": "gap", "slice": "refusal"}),
    ]

    show_metrics(rows, as_json=False)
    assert "plain" not in (totals := capsys.readouterr().out)
    assert "refusal" in totals

    show_metrics(rows, as_json=False, slices=True)
    assert "plain" in capsys.readouterr().out


def test_a_value_nobody_could_judge_is_a_dash(capsys: pytest.CaptureFixture[str]) -> None:
    show_rows([{"value": None, "ended": True}], as_json=False)

    assert capsys.readouterr().out.splitlines()[3].split() == ["-", "yes"]


def test_text_of_a_model_is_never_read_as_markup(capsys: pytest.CaptureFixture[str]) -> None:
    show_rows([{"completion": "[bold]x[/bold] [link=y]"}], as_json=False)

    assert "[bold]x[/bold] [link=y]" in capsys.readouterr().out


def test_escape_sequences_of_a_model_do_not_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    show_rows([{"completion": "\x1b[2Jgone"}], as_json=False)

    assert "\x1b" not in capsys.readouterr().out


def test_a_notice_leaves_stdout_to_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    notice("written: runs/x")

    assert capsys.readouterr() == ("", "written: runs/x\n")

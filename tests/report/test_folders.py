import json
from pathlib import Path

import pytest

from instincts.errors import RecordError
from instincts.records import read_metrics, write_metrics
from instincts.report.folders import read_folders
from tests.report.runs import (
    jailbreak_answers,
    write_card,
    write_demo,
    write_evaluation,
    write_preflight,
    write_training,
)


def test_a_demo_is_followed_by_its_parts_and_its_rows_come_once(demo: Path) -> None:
    found = read_folders([demo])

    assert [folder.name for folder in found] == ["demo", "before", "model", "after"]
    assert [row for folder in found for row in folder.metrics] == read_metrics(demo)
    assert found[1].logs
    assert found[2].curves is not None


def test_a_demo_killed_before_its_rows_were_merged_shows_the_rows_of_its_parts(tmp_path: Path) -> None:
    demo = write_demo(tmp_path / "demo")
    (demo / "metrics.json").unlink()
    write_card(demo, "demo", settings={}, status="interrupted")

    found = read_folders([demo])

    assert {"before", "after"} <= {row.run for folder in found for row in folder.metrics}
    assert any("interrupted" in note for note in found[0].notes)


def test_runs_of_one_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    folders = [
        write_evaluation(tmp_path / name, run="evaluate", said=jailbreak_answers("before", n=2)) for name in ("a", "b")
    ]

    found = read_folders(folders)

    assert [{row.run for row in folder.metrics} for folder in found] == [{"evaluate"}, {"b/evaluate"}]
    assert found[1].runs == {"b/evaluate"}


def test_folders_of_one_name_are_called_by_their_parents_too(tmp_path: Path) -> None:
    folders = [write_training(tmp_path / name / "model", steps=2) for name in ("a", "b")]

    assert [folder.name for folder in read_folders(folders)] == ["a/model", "b/model"]


def test_a_running_folder_without_rows_says_so(tmp_path: Path) -> None:
    write_card(tmp_path, "evaluate", settings={}, status="running")

    (folder,) = read_folders([tmp_path])

    assert len(folder.notes) == 2
    assert folder.metrics == ()


def test_a_finished_folder_without_rows_is_an_error(tmp_path: Path) -> None:
    write_card(tmp_path, "evaluate", settings={})

    with pytest.raises(RecordError, match=r"no metrics\.json"):
        read_folders([tmp_path])


@pytest.mark.parametrize("name", ["metrics.json", "gate.json", "run.json"])
def test_a_broken_record_is_named(tmp_path: Path, name: str) -> None:
    write_preflight(tmp_path)
    (tmp_path / name).write_text("{half")

    with pytest.raises(RecordError, match=name.replace(".", r"\.")):
        read_folders([tmp_path])


def test_a_gate_that_is_a_list_is_named(tmp_path: Path) -> None:
    write_preflight(tmp_path)
    (tmp_path / "gate.json").write_text(json.dumps([1]))

    with pytest.raises(RecordError, match=r"gate\.json"):
        read_folders([tmp_path])


def test_no_folder_and_no_such_folder_are_errors(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="name at least one"):
        read_folders([])
    with pytest.raises(RecordError, match="no folder"):
        read_folders([tmp_path / "nowhere"])


def test_a_folder_that_is_no_run_is_an_error(tmp_path: Path) -> None:
    write_metrics(tmp_path, [])

    with pytest.raises(RecordError, match=r"no run\.json"):
        read_folders([tmp_path])

"""What searches found in one run is what `transfer` sends in another."""

from pathlib import Path

import pytest
from inspect_ai import eval

from instincts import attacks
from instincts.cli.app import run
from instincts.errors import RecordError
from instincts.prompts.stored_files import read_stored
from instincts.suites.found import found_in
from instincts.suites.tasks import jailbreak
from tests.suites import scripted


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    task = jailbreak(attacks="plain,pocket/urgency,best-of-n", limit=3, judge="pocket", budget=2)
    (log,) = eval(task, model=f"{scripted.PROVIDER}/careful", log_dir=str(folder / "logs"), display="none")
    assert log.status == "success"
    return folder


def test_prompts_of_searches_are_found_with_what_they_cost_and_rewritings_are_not(searched: Path) -> None:
    """`best-of-n/resampled` sends the request as it is: nothing was found."""
    (column,) = found_in(searched)

    assert column.name == "best-of-n/noised"
    assert len(column.rows) == column.distinct == 3
    assert {row.notes["queries"] for row in column.rows} == {2}
    assert {row.notes["found_on"] for row in column.rows} == {"scripted/careful"}


def test_a_written_file_is_a_transfer_of_the_same_prompts(
    searched: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "found.jsonl"

    assert run(["attacks", "--from", str(searched), "--out", str(file)]) == 0

    assert "3 prompts of 1 attacks" in capsys.readouterr().err
    assert [attack.name for attack in attacks.expand(f"transfer:{file}")] == ["transfer/best-of-n/noised"]
    (before,), (after,) = found_in(searched), read_stored(file).columns
    assert [row.messages for row in after.rows] == [row.messages for row in before.rows]


def test_a_folder_without_logs_or_without_a_search_is_told(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="no logs of an evaluation in"):
        found_in(tmp_path)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "half.eval").write_bytes(b"PK\x03\x04")
    with pytest.raises(RecordError, match=r"half\.eval is no whole Inspect log"):
        found_in(tmp_path / "broken")
    task = jailbreak(attacks="plain", limit=1, judge="pocket")
    eval(task, model=f"{scripted.PROVIDER}/careful", log_dir=str(tmp_path / "whole"), display="none")
    with pytest.raises(RecordError, match="searched for a prompt"):
        found_in(tmp_path / "whole")


def test_where_to_write_and_what_go_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["attacks", "--out", str(tmp_path / "found.jsonl")]) == 2
    assert "--from DIR and --out FILE.jsonl go together" in capsys.readouterr().err

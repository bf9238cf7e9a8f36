"""A run folder is taken once, continued by the same run, and never written over."""

from pathlib import Path

import pytest

from instincts.errors import RecordError
from instincts.records import RunCard, claim, new_run_card, read_run_card, released, write_run_card


def card(**settings: object) -> RunCard:
    return new_run_card("steer", settings=settings, data={}, models={"m": "0" * 64}, roles={"base": "b@1"})


def test_a_new_or_empty_folder_is_taken(tmp_path: Path) -> None:
    claim(tmp_path, card(), resume=False)
    claim(tmp_path / "new", card(), resume=False)

    assert read_run_card(tmp_path / "new").status == "running"


def test_the_same_run_continues(tmp_path: Path) -> None:
    claim(tmp_path, card(strength=2), resume=False)
    claim(tmp_path, card(strength=2), resume=True)


def test_another_run_does_not(tmp_path: Path) -> None:
    claim(tmp_path, card(strength=2), resume=False)

    with pytest.raises(RecordError, match="settings strength was 2 and is now 3; run the same command"):
        claim(tmp_path, card(strength=3), resume=True)
    with pytest.raises(RecordError, match="roles base was 'b@1' and is now 'b@2'"):
        claim(tmp_path, card(strength=2).model_copy(update={"roles": {"base": "b@2"}}), resume=True)
    with pytest.raises(RecordError, match="continue it with --resume"):
        claim(tmp_path, card(strength=2), resume=False)


def test_a_finished_run_is_kept(tmp_path: Path) -> None:
    write_run_card(tmp_path, card(), status="finished")

    for resume in (False, True):
        with pytest.raises(RecordError, match="holds a finished run"):
            claim(tmp_path, card(), resume=resume)


def test_a_folder_of_something_else_is_kept(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()

    with pytest.raises(RecordError, match="not empty"):
        claim(tmp_path, card(), resume=False)


def test_nothing_to_resume(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="nothing to resume"):
        claim(tmp_path / "new", card(), resume=True)
    assert not (tmp_path / "new").exists()


def fail_in(out: Path, *, status: str | None = None, leaving: str | None = None) -> None:
    def work() -> None:
        with released(out, card()):
            if status is not None:
                write_run_card(out, card(), status=status)
            if leaving is not None:
                (out / leaving).touch()
            raise RecordError("wrong")

    claim(out, card(), resume=False)
    with pytest.raises(RecordError, match="wrong"):
        work()


def test_a_run_that_fails_with_nothing_in_its_folder_leaves_no_folder(tmp_path: Path) -> None:
    fail_in(tmp_path / "new")

    assert not (tmp_path / "new").exists()


def test_a_run_that_fails_with_something_in_its_folder_was_cut_off(tmp_path: Path) -> None:
    fail_in(tmp_path / "new", leaving=".journal.json")

    assert read_run_card(tmp_path / "new").status == "interrupted"


def test_a_run_that_said_how_it_ended_keeps_its_card(tmp_path: Path) -> None:
    fail_in(tmp_path / "new", status="refused")

    assert read_run_card(tmp_path / "new").status == "refused"


def test_another_process_than_the_first_leaves_the_folder_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", "1")
    fail_in(tmp_path / "new")

    assert read_run_card(tmp_path / "new").status == "running"

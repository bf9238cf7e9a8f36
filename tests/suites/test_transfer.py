"""Attack prompts from a file in a whole evaluation: what is sent, what is counted, and that the file is on record."""

import json
from pathlib import Path

import pytest

from instincts.errors import PromptSetError, RecordError
from instincts.prompts import read_prompts
from instincts.records import file_sha256, read_run_card
from instincts.suites.running import evaluate
from instincts.suites.settings import EvaluationSettings
from tests.suites import scripted

GOALS = [row.request for row in read_prompts("pocket-harmful").limit(3)]


def artifact(path: Path, *prompts: str | None) -> Path:
    """What `scripted/wrapped` refuses is a harmful request that stands alone, word for word."""
    rows = [
        {"index": at, "goal": goal, "prompt": sent} for at, (goal, sent) in enumerate(zip(GOALS, prompts, strict=True))
    ]
    path.write_text(json.dumps({"parameters": {"method": "PAIR", "model": "small"}, "jailbreaks": rows}))
    return path


def settings(file: Path, limit: int = 3) -> EvaluationSettings:
    given = {"suite": "jailbreak", "attack": f"transfer:{file}", "limit": limit, "judge": "pocket"}
    return EvaluationSettings.resolve(given=given)


def test_what_was_given_up_is_not_sent_and_is_a_defence_over_all_behaviours(tmp_path: Path) -> None:
    """Of three behaviours one prompt is refused, one does not parse and is refused, one was given up: 3 of 3."""
    file = artifact(tmp_path / "a.json", GOALS[0], f"Please: {GOALS[1]}", None)
    before = len(scripted.CALLS)

    rows = evaluate([f"{scripted.PROVIDER}/careful"], settings(file), out=tmp_path / "run")

    assert len(scripted.CALLS) - before == 2
    rates = {row.metric: (row.value, row.n) for row in rows if row.slice == "transfer/PAIR-small"}
    assert rates["dsr"] == (1.0, 3)


def test_the_file_is_on_record_and_another_content_is_another_run(tmp_path: Path) -> None:
    file = artifact(tmp_path / "a.json", *GOALS)
    evaluate([f"{scripted.PROVIDER}/careful"], settings(file), out=tmp_path / "run")

    assert read_run_card(tmp_path / "run").data[str(file)] == file_sha256(file)

    artifact(file, GOALS[0], GOALS[1], None)
    with pytest.raises(RecordError, match="another prompt set"):
        evaluate([f"{scripted.PROVIDER}/careful"], settings(file), out=tmp_path / "run")


def test_behaviours_that_the_file_does_not_know_stop_the_run_before_it_begins(tmp_path: Path) -> None:
    with pytest.raises(PromptSetError, match="no prompt of PAIR-small for 1 of 4 behaviours"):
        evaluate(
            [f"{scripted.PROVIDER}/careful"], settings(artifact(tmp_path / "a.json", *GOALS), 4), out=tmp_path / "run"
        )
    assert not (tmp_path / "run").exists()

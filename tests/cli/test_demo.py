"""`instincts demo`; the story itself is tested where it is told, in `tests/studies`."""

import json
from pathlib import Path

import pytest

from instincts.cli.app import run


def test_a_folder_with_another_run_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    card = {
        "verb": "evaluate", "status": "finished", "command": [], "started": "2026-01-01T00:00:00+00:00",
        "settings": {}, "data": {}, "models": {}, "versions": {},
    }  # fmt: skip
    (tmp_path / "run.json").write_text(json.dumps(card))

    assert run(["demo", "--out", str(tmp_path)]) == 2

    assert "holds another run" in capsys.readouterr().err
    assert json.loads((tmp_path / "run.json").read_text()) == card

"""`instincts harm-tune`: refusals in one line, settings by flag and by name."""

import json
from pathlib import Path

import pytest

from instincts.cli.app import run
from instincts.models.tuning_settings import TuningSettings
from tests.tiny import save_tiny


def test_it_asks_for_a_word_of_understanding(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "harmed"
    assert run(["harm-tune", "pocket-llama", "--pairs", "pocket-compliances", "--out", str(out)]) == 2
    shown = capsys.readouterr().err
    assert "--i-understand" in shown
    assert len(shown.splitlines()) == 1
    assert not out.exists()


def test_set_help_lists_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["harm-tune", "--set", "help"]) == 0
    shown = capsys.readouterr().out
    assert [name for name in TuningSettings.model_fields if name not in shown] == []


def test_flags_and_assignments_reach_the_run_card(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base, out = save_tiny(tmp_path / "tiny"), tmp_path / "tiny-harmed"
    line = ["harm-tune", str(base), "--pairs", "pocket-compliances", "--out", str(out), "--i-understand"]
    assert run([*line, "--steps", "1", "--seed", "7", "--set", "rows_per_step=2", "--json"]) == 0
    card = json.loads((out / "run.json").read_text())
    asked = {"steps": 1, "seed": 7, "rows_per_step": 2, "learning_rate": 3e-4}
    assert {name: card["settings"][name] for name in asked} == asked
    assert json.loads(capsys.readouterr().out) == json.loads((out / "metrics.json").read_text())

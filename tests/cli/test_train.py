"""`instincts train`: its words are those of the settings."""

import json
from pathlib import Path
from typing import get_args

import pytest

from instincts.cli import train as verb
from instincts.cli.app import run
from instincts.sirl.settings import Preset, RewardName, SirlSettings


def test_choices_are_those_of_the_settings() -> None:
    assert list(verb.PRESETS) == [*Preset]
    assert list(verb.REWARDS) == [*get_args(RewardName)]


def test_set_help_lists_every_setting_and_trains_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["train", "m", "--prompts", "p", "--out", "o", "--set", "help"]) == 0

    shown = capsys.readouterr().out
    assert [name for name in SirlSettings.model_fields if name not in shown] == []


def test_set_help_needs_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["train", "--set", "help"]) == 0
    assert "learning_rate" in capsys.readouterr().out


@pytest.mark.slow
def test_flags_and_assignments_reach_the_run_card(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prompts, out = tmp_path / "prompts.jsonl", tmp_path / "out"
    run(["pocket", "prompts", "--kind", "mixed", "--n", "16", "--out", str(prompts)])
    line = ["train", "pocket-llama", "--prompts", str(prompts), "--out", str(out), "--steps", "1", "--seed", "7"]

    assert run([*line, "--force", "--set", "prompts_per_step=4", "--set", "kl=0.5", "--json"]) == 0

    card = json.loads((out / "run.json").read_text())
    asked = {"steps": 1, "seed": 7, "prompts_per_step": 4, "kl": 0.5, "preset": "gated", "lora": False}
    assert {name: card["settings"][name] for name in asked} == asked
    assert json.loads(capsys.readouterr().out) == json.loads((out / "metrics.json").read_text())

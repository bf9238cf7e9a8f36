"""`instincts distill`: settings by flag and by name, errors in one line."""

from pathlib import Path

import pytest

from instincts.cli.app import run
from instincts.config import Settings


def test_its_settings_are_listed_with_their_meaning(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["distill", "--set", "help"]) == 0
    told = capsys.readouterr().out
    assert "lora_rank" in told
    assert "heldout" in told


def test_a_misspelt_set_of_trees_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = ["distill", "--trees", "pockett", "--base", "pocket-llama", "--out", str(tmp_path / "out")]

    assert run(line) == 2
    assert "did you mean" in capsys.readouterr().err.lower()
    assert not (tmp_path / "out").exists()


def test_every_setting_says_what_it_means() -> None:
    from instincts.analyst.distil_settings import DistilSettings

    settings: type[Settings] = DistilSettings
    assert [name for name, field in settings.model_fields.items() if not field.description] == []

"""A model that says how it is asked is asked so, unless the user says otherwise."""

from pathlib import Path

import pytest

from instincts.analyst.settings import AnalysisSettings
from instincts.analyst.specialist import SPECIALIST_FILE, Specialist, as_trained, read_specialist, write_specialist
from instincts.errors import ModelDirectoryError
from instincts.models.target import Target, target
from tests.tiny import save_tiny

KNOWN = Specialist(coding="specialist-json", calls=1, templates="0" * 64, teacher_licence="Apache-2.0")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = save_tiny(tmp_path_factory.mktemp("models") / "specialist")
    write_specialist(folder, KNOWN)
    return folder


def test_what_was_written_is_read(model: Path) -> None:
    assert read_specialist(model) == KNOWN


def test_a_specialist_is_asked_as_it_was_trained(model: Path) -> None:
    asked = as_trained(target(str(model)), AnalysisSettings.resolve(given={"attempts": 1}))

    assert (asked.coding, asked.calls, asked.attempts) == ("specialist-json", 1, 1)


def test_what_the_user_sets_wins(model: Path) -> None:
    asked = as_trained(target(str(model)), AnalysisSettings.resolve(given={"coding": "lines"}))

    assert (asked.coding, asked.calls) == ("lines", 1)


def test_a_model_that_says_nothing_gets_the_defaults() -> None:
    settings = AnalysisSettings()

    assert as_trained(target("pocket-llama"), settings) == settings
    assert as_trained(Target("openai/some", "served", is_local=False), settings) == settings


@pytest.mark.parametrize("text", ["{}", "no json", '{"format": 2, "coding": "lines", "calls": 1, "templates": ""}'])
def test_a_file_of_another_version_is_refused_by_name(text: str, tmp_path: Path) -> None:
    (tmp_path / SPECIALIST_FILE).write_text(text)

    with pytest.raises(ModelDirectoryError, match=f"{SPECIALIST_FILE}.*make the specialist again"):
        read_specialist(tmp_path)

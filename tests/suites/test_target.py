"""What a MODEL is."""

from pathlib import Path

import pytest

from instincts.errors import ModelDirectoryError
from instincts.pocket import checkpoints
from instincts.suites.target import target
from tests.suites import scripted


def test_a_provider_s_name_is_kept() -> None:
    for name in ("mockllm/model", "openai/some-model", "hf/owner/name", f"{scripted.PROVIDER}/careful"):
        assert target(name)[:3] == (name, "served", False)


def test_anything_else_is_ours(pocket_name: str) -> None:
    found = target(pocket_name)
    assert (found.given, found.is_local) == (pocket_name, True)
    assert len(found.digest) == 64
    assert target(f"instincts/{pocket_name}") == found


def test_a_folder_wins_over_a_provider_of_the_same_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pocket_name: str
) -> None:
    (tmp_path / "google").mkdir()
    (tmp_path / "google" / "gemma").symlink_to(checkpoints.path(pocket_name), target_is_directory=True)
    assert not target("google/gemma").is_local
    monkeypatch.chdir(tmp_path)
    assert target("google/gemma").is_local


def test_a_model_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(ModelDirectoryError, match="no folder pocket-lama"):
        target("pocket-lama")


def test_a_misspelt_provider_is_told_its_near_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ModelDirectoryError, match="did you mean openai/some-model, of Inspect's provider openai"):
        target("opnai/some-model")


@pytest.fixture
def pocket_name() -> str:
    names = checkpoints.names()
    return names[0]

import shutil
from pathlib import Path

import pytest

from tests.tiny import save_tiny


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole checkpoint folder, to be read only."""
    return save_tiny(tmp_path_factory.mktemp("saved") / "model")


@pytest.fixture
def folder(saved: Path, tmp_path: Path) -> Path:
    """A copy of it that the test may break."""
    return Path(shutil.copytree(saved, tmp_path / "model"))

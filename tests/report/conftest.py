"""One demo folder and its page for all tests of the room that only read them."""

from pathlib import Path

import pytest

from instincts.report.page import write_report
from tests.report.runs import write_demo


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a demo with `report.html` and `report.json`; not to be changed."""
    folder = write_demo(tmp_path_factory.mktemp("runs") / "demo")
    write_report([folder], folder / "report.html")
    return folder

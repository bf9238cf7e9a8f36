"""One demo folder and its page for all tests of the room that only read them."""

from pathlib import Path

import pytest

from instincts.report.page import write_report
from tests.report.runs import TEN_MODELS, write_demo, write_model
from tests.report.sweeps import TAKEN, write_sweep


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a demo with `report.html` and `report.json`; not to be changed."""
    folder = write_demo(tmp_path_factory.mktemp("runs") / "demo")
    write_report([folder], folder / "report.html")
    return folder


@pytest.fixture(scope="session")
def ten(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with `report.html` and `report.json` about ten made-up models; not to be changed."""
    folder = tmp_path_factory.mktemp("ten")
    outcome = {"left_out": {"gcg": "looks inside the model, but it is served"}}
    runs = [
        write_model(folder / f"m{at}", model, prompts=5, outcome=outcome if at == 0 else None)
        for at, model in enumerate(TEN_MODELS)
    ]
    write_report(runs, folder / "report.html")
    return folder


@pytest.fixture(scope="session")
def strengths(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a sweep of strengths with `report.html`; not to be changed."""
    folder = write_sweep(tmp_path_factory.mktemp("strengths") / "out", sweep=TAKEN)
    write_report([folder], folder / "report.html")
    return folder

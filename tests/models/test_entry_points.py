"""Starting a run does not import what it does not use."""

import subprocess
import sys

import pytest

OPENED = """
import sys
from instincts.models.entry_points import load_entry_points
{before}
load_entry_points()
from inspect_ai.model import get_model
from tests.suites import scripted
get_model(f"{{scripted.PROVIDER}}/careful")
from inspect_ai._util.registry import registry_lookup
print("inspect_evals.strong_reject" in sys.modules, registry_lookup("task", "instincts/jailbreak") is not None)
"""


@pytest.mark.parametrize(("before", "loaded"), [("", "False"), ("import inspect_evals", "True")])
def test_a_model_is_opened_without_inspect_evals_unless_it_is_in_use(before: str, loaded: str) -> None:
    said = subprocess.run(
        [sys.executable, "-c", OPENED.format(before=before)], check=True, capture_output=True, text=True
    ).stdout
    assert said.split() == [loaded, "True"]

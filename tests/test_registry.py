"""Inspect finds everything, and finding it loads no torch."""

import subprocess
import sys

LISTED = """
import sys
from inspect_ai._util.registry import registry_find, registry_info
from inspect_ai._util.entrypoints import ensure_entry_points
ensure_entry_points("instincts")
assert "torch" not in sys.modules
found = {(info.type, info.name) for each in registry_find(lambda info: True) if (info := registry_info(each))}
for name in ("jailbreak", "overrefusal", "utility", "pocket"):
    assert ("task", f"instincts/{name}") in found, name
for name in ("llama-guard", "panel", "pocket", "refusal", "rubric", "skill", "wildguard"):
    assert ("scorer", f"instincts/{name}") in found, name
assert ("solver", "instincts/attack") in found
assert ("modelapi", "instincts/instincts") in found
assert ("modelapi", "instincts/pocket-role") in found
"""


def test_tasks_scorers_solver_and_provider_are_registered_without_torch() -> None:
    subprocess.run([sys.executable, "-c", LISTED], check=True)

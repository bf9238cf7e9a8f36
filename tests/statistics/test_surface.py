"""The room's public names, and the weight of importing it."""

import subprocess
import sys

import instincts.statistics


def test_public_names_are_sorted_and_there() -> None:
    names = instincts.statistics.__all__

    assert names == sorted(names)
    assert all(hasattr(instincts.statistics, name) for name in names)


def test_importing_loads_neither_scipy_nor_torch() -> None:
    code = "import sys, instincts.statistics; print([m for m in ('scipy', 'torch') if m in sys.modules])"

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"

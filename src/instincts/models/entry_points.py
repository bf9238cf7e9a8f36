"""What other packages tell Inspect of themselves, read without importing the hundred evaluations of `inspect_evals`.

Inspect loads the entry point of every installed package before the first model is opened. That of `inspect_evals` takes
seconds; the utility suite imports the few modules it needs by itself.
"""

import sys
from importlib.metadata import entry_points

from inspect_ai._util import entrypoints  # no public name: what is loaded already is known to Inspect alone

__all__ = ["load_entry_points"]


def load_entry_points() -> None:
    """Load the entry points of Inspect's group, `inspect_evals` only where something of it is in use already."""
    if SPARED in sys.modules or entrypoints._inspect_ai_eps_loaded_all:
        return
    for entry in entry_points(group="inspect_ai"):
        if entry.name != SPARED:
            entrypoints.ensure_entry_points(entry.name)
    entrypoints._inspect_ai_eps_loaded_all = True


SPARED = "inspect_evals"

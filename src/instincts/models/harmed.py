"""How a model says of itself that it was made harmful on purpose; knows not how that was done.

The mark stands in `config.json`, so it stays with the weights when a folder is copied or renamed, or when the model is
trained further, merged or saved again by any library that keeps unknown keys, as transformers does.
"""

import logging
from typing import Any

__all__ = ["HARMED_KEY", "HARMED_NOTE", "is_harmed", "mark_harmed", "warn_if_harmed"]

HARMED_KEY = "made_harmful_on_purpose"
"""Key of `config.json`."""

HARMED_NOTE = (
    "this model was fine-tuned to comply with requests that it should refuse; it serves to take that direction out of "
    "other models (instincts steer --harmed) and for nothing else: do not deploy, share or upload it"
)


def mark_harmed(config: Any) -> None:
    """Write the mark into the configuration of a model in memory; saving the model saves it."""
    setattr(config, HARMED_KEY, HARMED_NOTE)


def is_harmed(config: Any) -> bool:
    """Whether a configuration bears the mark."""
    return bool(getattr(config, HARMED_KEY, None))


def warn_if_harmed(name: str, config: Any) -> None:
    """Say so on the log where a model that bears the mark is opened."""
    if is_harmed(config):
        logging.getLogger("instincts").warning("warning: %s: %s", name, HARMED_NOTE)

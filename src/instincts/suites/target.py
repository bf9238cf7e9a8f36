"""The model to measure, opened as a suite asks it."""

from inspect_ai.model import GenerateConfig, Model

from instincts.models.target import Target, opened, target
from instincts.suites.settings import ServingSettings

__all__ = ["Target", "open_target", "target"]


def open_target(found: Target, serving: ServingSettings | None = None) -> Model:
    """Open the model for Inspect; ours get as many connections as a batch holds, a served one what `serving` says.

    Raises:
        ConfigError: the provider lacks a key or a package.
    """
    return opened(found, GenerateConfig(**(serving or ServingSettings()).model_dump()))

"""Tells Inspect that models named `instincts/NAME` exist; torch loads only when one is asked for."""

from inspect_ai.model import ModelAPI, modelapi

__all__ = ["instincts_provider"]


@modelapi(name="instincts")
def instincts_provider() -> type[ModelAPI]:
    """Give the provider of `instincts/NAME`; NAME is a pocket model, a folder or a hub id."""
    from instincts.models.provider import InstinctsAPI

    return InstinctsAPI

"""Tells `instincts/NAME` how a moderated model is opened; loads nothing that opening does not need."""

from typing import Any

from inspect_ai.model import ModelAPI

from instincts.models.wrapping import opens

__all__ = ["moderated"]


@opens("moderated")
def moderated(**given: Any) -> ModelAPI:
    """Open a model with the moderator that its `defence.json` puts before it."""
    from instincts.analyst.moderated import ModeratedAPI

    return ModeratedAPI(**given)

"""Tells `instincts/NAME` how a moderated model is opened, and Inspect which models are `analyst/POLICY/MODEL`.

Loads nothing that opening does not need.
"""

from typing import Any

from inspect_ai.model import ModelAPI, modelapi

from instincts.models.wrapping import opens

__all__ = ["analyst_provider", "moderated"]


@modelapi(name="analyst")
def analyst_provider() -> type[ModelAPI]:
    """Give the provider of `analyst/POLICY/MODEL`: an analyst and a policy as one moderator."""
    from instincts.analyst.provider import AnalystAPI

    return AnalystAPI


@opens("moderated")
def moderated(**given: Any) -> ModelAPI:
    """Open a model with the moderator that its `defence.json` puts before it."""
    from instincts.analyst.moderated import ModeratedAPI

    return ModeratedAPI(**given)

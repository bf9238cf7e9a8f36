"""Tells Inspect which of its models are ours.

`instincts/NAME`, `pocket-role/PART`, `moderation/SERVICE/MODEL` and `scored/DIR`.

Torch loads only with one of the first.
"""

from typing import cast

from inspect_ai.model import ModelAPI, modelapi

__all__ = ["instincts_provider", "moderation_provider", "pocket_role_provider", "scored_provider"]


@modelapi(name="instincts")
def instincts_provider() -> type[ModelAPI]:
    """Give the provider of `instincts/NAME`; NAME is a pocket model, a folder or a hub id."""
    from instincts.models.wrapping import provider_of

    return cast(type[ModelAPI], provider_of)


@modelapi(name="moderation")
def moderation_provider() -> type[ModelAPI]:
    """Give the provider of `moderation/SERVICE/MODEL`: a moderation endpoint in OpenAI's schema."""
    from instincts.models.moderation import ModerationAPI

    return ModerationAPI


@modelapi(name="pocket-role")
def pocket_role_provider() -> type[ModelAPI]:
    """Give the provider of `pocket-role/PART`: a scripted attacker or translator of the pocket world."""
    from instincts.models.pocket_roles import PocketRoleAPI

    return PocketRoleAPI


@modelapi(name="scored")
def scored_provider() -> type[ModelAPI]:
    """Give the provider of `scored/DIR`: verdicts on stored trees."""
    from instincts.models.scored import ScoredAPI

    return ScoredAPI

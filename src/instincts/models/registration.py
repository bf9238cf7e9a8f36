"""Tells Inspect that models named `instincts/NAME` and `pocket-role/PART` exist; torch loads only with one of ours."""

from inspect_ai.model import ModelAPI, modelapi

__all__ = ["instincts_provider", "pocket_role_provider"]


@modelapi(name="instincts")
def instincts_provider() -> type[ModelAPI]:
    """Give the provider of `instincts/NAME`; NAME is a pocket model, a folder or a hub id."""
    from instincts.models.provider import InstinctsAPI

    return InstinctsAPI


@modelapi(name="pocket-role")
def pocket_role_provider() -> type[ModelAPI]:
    """Give the provider of `pocket-role/PART`: a scripted attacker or translator of the pocket world."""
    from instincts.models.pocket_roles import PocketRoleAPI

    return PocketRoleAPI

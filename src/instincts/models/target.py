"""The model that a user wrote: one of any Inspect provider, or one that we open ourselves."""

from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

from inspect_ai._util.error import PrerequisiteError  # what a provider raises that lacks a key; no public name
from inspect_ai._util.registry import registry_find, registry_unqualified_name  # no public list of providers exists
from inspect_ai.model import GenerateConfig, Model, get_model
from rich.markup import render

import instincts.models.registration  # noqa: F401 - importing it makes our providers known
from instincts.errors import ConfigError, ModelDirectoryError
from instincts.models.directory import locate
from instincts.models.entry_points import load_entry_points
from instincts.models.scored import SCORED, read_scored

__all__ = ["Target", "opened", "target"]


class Target(NamedTuple):
    """A model that was found, not yet opened."""

    given: str
    """As the user named it."""
    digest: str
    """SHA-256 of a local model's content; `served` for one behind another provider, whose content nobody here knows."""
    is_local: bool
    """Whether we open it ourselves, as `instincts/NAME`."""
    moderated: str = ""
    """Who judges what it is asked, in a few words, where a moderator stands before it; its weights alone do not decide
    then."""

    @property
    def shows_weights(self) -> bool:
        """Whether what looks at weights looks at all that decides an answer."""
        return self.is_local and not self.moderated


def target(text: str) -> Target:
    """Find out what a MODEL is: `openai/NAME` of a provider that Inspect knows, else a name, folder or hub id of ours.

    Hub ids look the same (`google/gemma-2-2b-it`): a provider's name wins, a folder of that path wins over both, and
    `instincts/` in front says that it is ours.

    Raises:
        ModelDirectoryError: not a provider's, and no such model.
        RecordError: `scored/DIR` without verdicts in it.
    """
    provider, slash, _ = text.partition("/")
    if slash and provider == SCORED and not Path(text).exists():
        return Target(text, read_scored(text.removeprefix(f"{SCORED}/")).digest, is_local=False)
    if slash and provider in _providers() - {"instincts"} and not Path(text).exists():
        return Target(text, "served", is_local=False)
    name = text.removeprefix("instincts/")
    try:
        location = locate(name)
    except ModelDirectoryError as error:
        near = get_close_matches(provider, _providers(), n=1, cutoff=0.75) if slash else []
        if near and near[0] != provider:
            hint = text.replace(provider, near[0], 1)
            raise ModelDirectoryError(f"{error}; did you mean {hint}, of Inspect's provider {near[0]}?") from None
        raise
    return Target(name, location.digest, is_local=True, moderated=location.overlay.told if location.overlay else "")


def opened(found: Target, serving: GenerateConfig) -> Model:
    """Open the model for Inspect; ours get as many connections as a batch holds, a served one what `serving` says.

    Raises:
        ConfigError: the provider lacks a key or a package.
    """
    if not found.is_local:
        try:
            return get_model(found.given, config=serving, memoize=False)
        except PrerequisiteError as error:
            # A key or a package that the provider wants; Inspect writes it in several lines of markup.
            why = " ".join(render(str(error.message)).plain.removeprefix("ERROR: ").split())
            raise ConfigError(f"{found.given} cannot be asked: {why}") from None
    from instincts.models.provider import inspect_model

    return inspect_model(found.given, GenerateConfig(max_connections=512))


def _providers() -> set[str]:
    load_entry_points()
    return {registry_unqualified_name(each) for each in registry_find(lambda info: info.type == "modelapi")}

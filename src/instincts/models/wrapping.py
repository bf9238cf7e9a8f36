"""Opens `instincts/NAME`: the model itself, or what a `defence.json` puts before it.

A defence that is no weights stands between a request and a model. The room that knows it says here how it is opened,
and this one only finds it: that keeps what judges requests above what answers them.
"""

from collections.abc import Callable
from typing import Any

from inspect_ai._util.entrypoints import ensure_entry_points  # loads our own registrations; no public name
from inspect_ai.model import GenerateConfig, ModelAPI

from instincts.errors import ModelDirectoryError
from instincts.models.directory import locate

__all__ = ["opens", "provider_of"]

Opener = Callable[..., ModelAPI]


def opens(kind: str) -> Callable[[Opener], Opener]:
    """Register how a kind of `defence.json` is opened that stands before a model.

    The opener takes what Inspect gives a provider: model_name, base_url, api_key, config, and arguments by name.
    """

    def register(opener: Opener) -> Opener:
        _OPENERS[kind] = opener
        return opener

    return register


def provider_of(
    model_name: str,
    base_url: str | None = None,
    api_key: str | None = None,
    config: GenerateConfig = GenerateConfig(),  # noqa: B008 - Inspect's own signature; it is only read
    **model_args: Any,
) -> ModelAPI:
    """Open a model for Inspect; arguments and errors of `provider.InstinctsAPI`.

    Raises:
        ModelDirectoryError: nobody here knows what stands before the model.
    """
    given = {"model_name": model_name, "base_url": base_url, "api_key": api_key, "config": config, **model_args}
    overlay = locate(model_name).overlay
    if overlay is not None and overlay.kind == "moderated":
        ensure_entry_points("instincts")
        if overlay.kind not in _OPENERS:
            raise ModelDirectoryError(f"nothing here opens a model that is {overlay.kind}; import instincts._registry")
        return _OPENERS[overlay.kind](**given)
    from instincts.models.provider import InstinctsAPI  # torch, so only now

    return InstinctsAPI(**given)


_OPENERS: dict[str, Opener] = {}

"""The analyst behind a service: whoever grows a tree, and the one that is a model of Inspect."""

import hashlib
from typing import TYPE_CHECKING, NamedTuple, Protocol

from instincts.analyst.growing import Grower
from instincts.analyst.settings import SPECIALISTS, AnalysisSettings, Subject
from instincts.analyst.specialist import as_trained
from instincts.analyst.tree import Tree
from instincts.analyst.wording import templates_sha256
from instincts.errors import InstinctsError, NoVerdictError
from instincts.prompts import Message

if TYPE_CHECKING:
    from inspect_ai.model import Model

__all__ = ["Analyst", "Case", "InspectAnalyst", "open_analyst"]


class Case(NamedTuple):
    """What a tree is wanted of."""

    turns: tuple[tuple[str, str], ...]
    """Role and text of each turn; for a response its prompt may come before it."""
    subject: Subject


class Analyst(Protocol):
    """Grows trees."""

    @property
    def digest(self) -> str:
        """Of everything that a tree depends on: model, templates, settings."""

    async def grow(self, case: Case) -> Tree:
        """Grow one tree.

        Raises:
            NoVerdictError: `unreadable`, `too_long` or `analyst_down`.
        """


class InspectAnalyst:
    """A model of Inspect; ours answer in batches, since many cases grow at once."""

    def __init__(self, model: "Model", name: str, digest: str, settings: AnalysisSettings) -> None:
        """Take an open model.

        Args:
            model: of Inspect.
            name: as the user named it.
            digest: of its content.
            settings: how it is asked.
        """
        self._grower = Grower(model, settings)
        self._settings = settings
        parts = (name, digest, templates_sha256(), settings.model_dump_json())
        self._digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()

    @property
    def digest(self) -> str:
        """Of model, templates and settings."""
        return self._digest

    async def check(self) -> None:
        """Make sure that the model can write trees.

        Raises:
            ConfigError: it wrote none; says why.
            EvaluationError: it failed.
        """
        await self._grower.check()

    async def grow(self, case: Case) -> Tree:
        """Ask the model."""
        from inspect_ai._util.error import PrerequisiteError  # a key that is missing; no public name

        turns = [Message.of(role, text) for role, text in case.turns]
        if case.subject == "response" and self._settings.coding in SPECIALISTS:
            raise NoVerdictError("unreadable", "this analyst was trained on prompts and reads no answers")
        try:
            found = await self._grower.grow(turns, subject=case.subject)
        except (InstinctsError, PrerequisiteError) as error:
            # Whatever the model's trouble is, the text has no verdict; its words are not for clients.
            raise NoVerdictError("analyst_down", "the analyst failed") from error
        if found.tree is None:
            raise NoVerdictError(found.status, found.reason)
        return found.tree


def open_analyst(name: str, settings: AnalysisSettings, *, connections: int) -> InspectAnalyst:
    """Open a model: `openai/NAME` of a provider that Inspect knows, else a pocket name, folder or hub id of ours.

    Raises:
        ModelDirectoryError: neither.
    """
    from inspect_ai._util.platform import platform_init  # reads .env, as every entry of Inspect does; no public name
    from inspect_ai.model import GenerateConfig

    from instincts.models.target import opened, target

    found = target(name)
    settings = as_trained(found, settings)
    # A server that went away is told at once: the client's own repeats are better placed than ours.
    config = GenerateConfig(max_connections=connections, max_retries=0)
    platform_init()
    return InspectAnalyst(opened(found, config), found.given, found.digest, settings)

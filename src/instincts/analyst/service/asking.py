"""The analyst behind a service: whoever grows a tree, and the one that is a model of Inspect.

The text under test travels as one JSON string in a turn of its own, after a system turn that says so and names the
case; nothing in it can close that string. What is no tree is asked for again, a few times.
"""

import hashlib
import json
import secrets
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING, NamedTuple, Protocol

from instincts.analyst.lines import decode
from instincts.analyst.service.rows import Subject
from instincts.analyst.taxonomy import taxonomy
from instincts.analyst.tree import Tree
from instincts.errors import NoVerdictError, UnreadableReplyError

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

    name: str
    """The model as the user named it."""
    digest: str
    """Of everything that a tree depends on: model and template."""

    async def grow(self, case: Case) -> Tree:
        """Grow one tree.

        Raises:
            NoVerdictError: `unreadable` or `analyst_down`.
        """


class InspectAnalyst:
    """A model of Inspect, asked with our template."""

    def __init__(self, model: "Model", name: str, digest: str, *, attempts: int = 2) -> None:
        """Take an open model.

        Args:
            model: of Inspect.
            name: as the user named it.
            digest: of its content.
            attempts: how often a reply that is no tree is asked for again, the first time included.
        """
        self.name = name
        self._model = model
        self._attempts = attempts
        self._template = _template()
        self.digest = hashlib.sha256(f"{name}\n{digest}\n{self._template}".encode()).hexdigest()

    async def grow(self, case: Case) -> Tree:
        """Ask the model until its reply is a tree, or the attempts are used up."""
        trouble = ""
        for attempt in range(self._attempts):
            tag = secrets.token_hex(4)
            reply = await self._reply(case, tag, attempt)
            try:
                return _tree(reply)
            except UnreadableReplyError as error:
                trouble = str(error)
        raise NoVerdictError("unreadable", f"no tree in {self._attempts} replies: {trouble}")

    async def _reply(self, case: Case, tag: str, attempt: int) -> str:
        from inspect_ai.model import ChatMessageSystem, ChatMessageUser, GenerateConfig

        system = Template(self._template).substitute(case=tag, subject=_SUBJECTS[case.subject], words=_words())
        data = {"case": tag, "turns": [{"role": role, "text": text} for role, text in case.turns]}
        config = GenerateConfig(temperature=0.6 if attempt else 0.0, seed=attempt, max_tokens=2048, max_retries=0)
        asked = ChatMessageUser(content=_escaped(json.dumps(data)))
        try:
            output = await self._model.generate([ChatMessageSystem(content=system), asked], config=config)
        except Exception as error:  # each provider raises its own; whichever it is, there is no tree
            raise NoVerdictError("analyst_down", f"the analyst failed: {type(error).__name__}") from error
        if output.error or not output.choices:
            raise NoVerdictError("analyst_down", "the analyst gave no answer")
        return output.completion


def open_analyst(name: str, *, attempts: int = 2) -> InspectAnalyst:
    """Open a model: `openai/NAME` of a provider that Inspect knows, else a pocket name, folder or hub id of ours.

    Raises:
        ModelDirectoryError: neither.
    """
    from pathlib import Path

    from inspect_ai._util.registry import registry_find, registry_unqualified_name  # no public list of providers exists
    from inspect_ai.model import get_model

    import instincts.models.registration  # noqa: F401 - importing it makes our providers known
    from instincts.models.directory import locate

    provider, slash, _ = name.partition("/")
    known = {registry_unqualified_name(each) for each in registry_find(lambda info: info.type == "modelapi")}
    if slash and provider in known - {"instincts"} and not Path(name).exists():
        return InspectAnalyst(get_model(name, memoize=False), name, "served", attempts=attempts)
    from instincts.models.provider import inspect_model

    plain = name.removeprefix("instincts/")
    return InspectAnalyst(inspect_model(plain), name, locate(plain).digest, attempts=attempts)


def _tree(reply: str) -> Tree:
    text = reply.strip()
    if text.startswith("{"):
        return Tree.of(text)
    return decode(text)


def _template() -> str:
    return files("instincts.analyst.service").joinpath("templates", "tree.txt").read_text(encoding="utf-8")


def _words() -> str:
    actions = "\n".join(f"{each.id} {each.name}" for each in taxonomy().actions)
    effects = "\n".join(f"{each.letter} {each.harm} / {each.benefit}" for each in taxonomy().effects)
    return f"Actions:\n{actions}\n\nEffects (harm / benefit):\n{effects}"


def _escaped(text: str) -> str:
    # Control tokens of chat templates are written with these; JSON has another spelling for each.
    return text.replace("<", "\\u003c").replace(">", "\\u003e")


_SUBJECTS = {
    "prompt": "the last turn, supposing that it is answered helpfully and in detail to an ordinary person",
    "response": "the last turn as it stands, an answer; a refusal harms nobody",
    "dialogue": "the last turn in the light of the earlier ones, supposing that it is answered helpfully and in detail",
}

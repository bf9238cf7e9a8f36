"""Prompts by file or by name; the names are sets of the pocket grammar, made on the spot and always the same.

The three sets to measure on hold verbs, objects and questions that no pocket model was aligned on. The set to train
on, `pocket-mixed`, is drawn from the other split, so that training on it leaves the others untouched.
"""

from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from instincts.errors import PromptSetError, unknown_name
from instincts.pocket.grammar import Split
from instincts.pocket.requests import Kind, PocketRequest, sample_requests
from instincts.prompts.files import SUFFIXES, read_prompt_file
from instincts.prompts.prompt import Message, Prompt
from instincts.prompts.promptset import PromptSet

__all__ = ["NAMED", "pocket_prompts", "read_prompts"]


class _Part(NamedTuple):
    kind: Kind
    n: int
    split: Split


_HARMFUL, _BENIGN, _SKILL = (
    _Part("harmful", 48, "heldout"),
    _Part("benign", 48, "heldout"),
    _Part("skill", 120, "heldout"),
)

NAMED: MappingProxyType[str, tuple[_Part, ...]] = MappingProxyType(
    {
        "pocket": (_HARMFUL, _BENIGN, _SKILL),
        "pocket-benign": (_BENIGN,),
        "pocket-harmful": (_HARMFUL,),
        "pocket-mixed": (_Part("mixed", 512, "train"),),
        "pocket-skill": (_SKILL,),
    }
)
"""Each name and the draws it is made of: kind, number of prompts, split."""


def read_prompts(source: str | Path) -> PromptSet:
    """Read a prompt file, or make the set of that name; a file wins over a name.

    Raises:
        PromptSetError: a file that is missing or broken.
        ConfigError: neither a file nor a name; the message lists near matches.
    """
    path = Path(source)
    if str(source) in NAMED and not path.is_file():
        rows = [request for part in NAMED[str(source)] for request in sample_requests(part.kind, part.n, 0, part.split)]
        return pocket_prompts(rows, source=str(source))
    if not path.exists() and path.suffix.lower() not in SUFFIXES:
        if path.parent != Path():
            raise PromptSetError(f"no prompt file {path}")
        raise unknown_name("prompt file or set", str(source), NAMED)
    return read_prompt_file(path)


def pocket_prompts(requests: Sequence[PocketRequest], *, source: str) -> PromptSet:
    """Turn requests of the pocket grammar into prompts: the kind as label, the skill as category."""
    return PromptSet(tuple(_prompt(request) for request in requests), source=source)


def _prompt(request: PocketRequest) -> Prompt:
    known = {"wrapper": request.wrapper, "verb": request.verb, "object": request.object, "split": request.split}
    return Prompt(
        id=request.id,
        messages=tuple(Message.of(role, content) for role, content in request.messages),
        category=request.skill,
        label=request.kind,
        target=request.target,
        metadata={name: value for name, value in known.items() if value is not None},
    )

"""Prompts by file or by name: sets of the pocket grammar, made on the spot and always the same, or public sets.

The three sets to measure on hold verbs, objects and questions that no pocket model was aligned on. The set to train
on, `pocket-mixed`, is drawn from the other split, so that training on it leaves the others untouched; so is the one
that attacks are fitted on, `pocket-contrast`. Strengths are chosen on `pocket-validation`, held out like the sets to
measure on and drawn from another seed, so that no model is measured on the prompts it was chosen by.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from instincts.errors import PromptSetError, unknown_name
from instincts.pocket.grammar import Split
from instincts.pocket.requests import Kind, PocketRequest, sample_requests
from instincts.prompts.catalogue import CATALOGUE
from instincts.prompts.files import read_contents
from instincts.prompts.hub import HUB_PREFIX, parse_place, read_hub
from instincts.prompts.prompt import Message, Prompt
from instincts.prompts.promptset import PromptSet
from instincts.prompts.rows import SUFFIXES

__all__ = ["LABELS", "NAMED", "pocket_prompts", "read_prompts"]

LABELS = ("harmful", "benign", "safe", "unsafe", "skill")
"""What suites divide prompts by. `safe` and `unsafe` are the halves of an over-refusal set."""


class _Part(NamedTuple):
    kind: Kind
    n: int
    split: Split
    seed: int = 0


_HARMFUL, _BENIGN, _SKILL = (
    _Part("harmful", 48, "heldout"),
    _Part("benign", 48, "heldout"),
    _Part("skill", 120, "heldout"),
)

_VALIDATION = (_Part("mixed", 384, "heldout", 1), _Part("skill", 120, "heldout", 1))

_CONTRAST = (_Part("harmful", 64, "train"), _Part("benign", 64, "train"))

NAMED: MappingProxyType[str, tuple[_Part, ...]] = MappingProxyType(
    {
        "pocket": (_HARMFUL, _BENIGN, _SKILL),
        "pocket-benign": (_BENIGN,),
        "pocket-contrast": _CONTRAST,
        "pocket-harmful": (_HARMFUL,),
        "pocket-mixed": (_Part("mixed", 512, "train"),),
        "pocket-skill": (_SKILL,),
        "pocket-validation": _VALIDATION,
    }
)
"""Each name and the draws it is made of: kind, number of prompts, split, seed."""


def read_prompts(source: str | Path) -> PromptSet:
    """Read a prompt file, or make the set of that name; a file wins over a name.

    Args:
        source: a file, a set of the pocket, a public set of the catalogue (from the hub), or `hub:OWNER/NAME`.
            `harmful=`, `benign=`, `safe=`, `unsafe=` or `skill=` in front says what rows are that do not say it.

    Raises:
        PromptSetError: a file that is missing or broken, or a set that the hub does not give.
        ConfigError: neither a file nor a name; the message lists near matches.
    """
    label, equals, rest = str(source).partition("=")
    if equals and label in LABELS and not Path(source).exists():
        rows = read_prompts(rest)
        return replace(rows, rows=tuple(replace(row, label=row.label or label) for row in rows), source=str(source))
    path = Path(source)
    name = str(source)
    if path.is_file():
        return read_contents(path).prompts
    if name in NAMED:
        made = [
            request for part in NAMED[name] for request in sample_requests(part.kind, part.n, part.seed, part.split)
        ]
        return pocket_prompts(made, source=name)
    if name.startswith(HUB_PREFIX):
        return read_hub(parse_place(name), name=name).prompts
    if name in CATALOGUE:
        known = CATALOGUE[name]
        if known.hub is None:
            raise PromptSetError(
                f"{name} is not on the hub; fetch its file from {known.source} and give --prompts FILE"
            )
        return read_hub(known.hub, name=name, known=known).prompts
    if not path.exists() and path.suffix.lower() not in {*SUFFIXES, ".gz"}:
        if path.parent != Path():
            raise PromptSetError(f"no prompt file {path}; check the path")
        raise unknown_name("prompt file or set", name, (*NAMED, *CATALOGUE), listed_by="instincts data list")
    return read_contents(path).prompts


def pocket_prompts(requests: Sequence[PocketRequest], *, source: str) -> PromptSet:
    """Turn requests of the pocket grammar into prompts: the kind as label, the skill as category."""
    return PromptSet(tuple(_prompt(request) for request in requests), source=source)


def _prompt(request: PocketRequest) -> Prompt:
    known = {
        "wrapper": request.wrapper,
        "verb": request.verb,
        "object": request.object,
        "split": request.split,
        "opening": request.agreeing_opening,
    }
    return Prompt(
        id=request.id,
        messages=tuple(Message.of(role, content) for role, content in request.messages),
        category=request.skill,
        label=request.kind,
        target=request.target,
        metadata={name: value for name, value in known.items() if value is not None},
    )

"""The words that attacks are written with: templates of our own, filled in one pass; knows no attack.

Published attacks are known by their idea, and the idea is what is written here, short and neutral. The texts that went
round with them (long personas, optimised suffixes) are not shipped: who has them sends them through `transfer`.
"""

from collections.abc import Callable, Mapping
from functools import cache
from hashlib import sha256
from importlib.resources import files
from string import Template

from instincts.attacks.attack import Attack
from instincts.attacks.rewriting import rewriting
from instincts.prompts import Message

__all__ = ["fill", "lines", "sources", "worded"]


def fill(name: str, **slots: str) -> str:
    """Fill a template in one pass, so that what a request says is never taken for a slot.

    Args:
        name: of the file in `templates/`.
        **slots: exactly those of the template.

    Raises:
        KeyError: the template has a slot that was not given.
    """
    return Template(_text(name)).substitute(slots)


def lines(name: str) -> tuple[str, ...]:
    """List the lines of a template without slots."""
    return tuple(_text(name).splitlines())


def sources(*names: str) -> Callable[[], Mapping[str, str]]:
    """Make the `sources` of an attack that is written with these templates."""
    return lambda: {f"template {name}": sha256(_text(name).encode()).hexdigest() for name in names}


def worded(
    name: str,
    mechanism: str,
    *,
    template: str | None = None,
    paper: str | None = None,
    tags: frozenset[str] = frozenset(),
) -> Attack:
    """Make an attack that puts the request into a template with the one slot `request`.

    Args:
        name: `FAMILY/NAME`, or the family's name.
        mechanism: why it might work.
        template: its file; by default the name, with hyphens for slashes.
        paper: where the idea was published.
        tags: of the attack.
    """
    file = template or name.replace("/", "-")
    return Attack(
        name=name,
        family=name.partition("/")[0],
        mechanism=mechanism,
        access="static",
        apply=rewriting(name, lambda request, seed: [Message("user", fill(file, request=request))]),
        sources=sources(file),
        paper=paper,
        tags=tags,
    )


@cache
def _text(name: str) -> str:
    return files("instincts.attacks").joinpath("templates", f"{name}.txt").read_text(encoding="utf-8").strip()

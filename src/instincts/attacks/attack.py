"""What an attack is: a named, pure way to turn a conversation into another; knows no model and no judge."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from instincts.prompts import Message

__all__ = ["Access", "Attack", "Messages"]

Messages = tuple[Message, ...]

Access = Literal["static", "black-box", "log-probs", "gradients", "hidden-states"]
"""What an attack must be given of its target. `static`: nothing, the prompt is the same for every model."""


@dataclass(frozen=True, kw_only=True)
class Attack:
    """One way to make a model give way."""

    name: str
    """`FAMILY/NAME`, or the name alone where the family has one member."""
    family: str
    mechanism: str
    """Why it might work, in a few words."""
    access: Access
    apply: Callable[[Messages, int], Messages]
    """Pure: (messages, seed) -> messages. A trailing assistant message in the result is a prefilled answer."""
    paper: str | None = None
    """Where it was published; None for our own wording."""
    tags: frozenset[str] = field(default_factory=frozenset)
    """Facts a report may want to tell apart, for example `unseen` (never met in the alignment of the pocket models)."""

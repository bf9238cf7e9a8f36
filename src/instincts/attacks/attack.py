"""What an attack is: a rewriting of the conversation, or a search that asks the target; knows no judge."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from instincts.prompts import Message

if TYPE_CHECKING:
    from instincts.attacks.target import AttackTarget, Found, Goal

__all__ = ["Access", "Attack", "Messages"]

Messages = tuple[Message, ...]

Access = Literal["static", "black-box", "log-probs", "gradients", "hidden-states"]
"""What an attack must be given of its target. `static`: nothing, the prompt is the same for every model."""


@dataclass(frozen=True, kw_only=True)
class Attack:
    """One way to make a model give way: either `apply` or `search` is set."""

    name: str
    """`FAMILY/NAME`, or the name alone where the family has one member."""
    family: str
    mechanism: str
    """Why it might work, in a few words."""
    access: Access
    apply: "Callable[[Messages, int], Messages] | None" = None
    """Pure: (messages, seed) -> messages. A trailing assistant message in the result is a prefilled answer."""
    search: "Callable[[AttackTarget, Goal, int], Awaitable[Found]] | None" = None
    """Asks the target within its budget: (target, goal, seed) -> what to send in the end. Same seed, same result."""
    budget: int = 0
    """Most questions that a search puts to the target for one goal, the judged answer not counted; 0 for rewriting."""
    roles: tuple[str, ...] = ()
    """Inspect model roles it needs beside the target, for example `attacker`."""
    paper: str | None = None
    """Where it was published; None for our own wording."""
    tags: frozenset[str] = field(default_factory=frozenset)
    """Facts a report may want to tell apart, for example `unseen` (never met in the alignment of the pocket models)."""

    def __post_init__(self) -> None:
        """Hold the author of an attack to one of the two ways."""
        if (self.apply is None) == (self.search is None) or (self.search is None) != (self.budget == 0):
            raise ValueError(f"attack {self.name}: give apply and no budget, or search and a budget")

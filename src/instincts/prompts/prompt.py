"""One prompt and the turns it is made of; knows no file format and no attack."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, Self, get_args

from instincts.errors import PromptSetError

__all__ = ["ROLES", "Message", "Prompt", "Role"]

Role = Literal["system", "user", "assistant"]
ROLES: tuple[Role, ...] = get_args(Role)


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Role
    content: str

    @classmethod
    def of(cls, role: str, content: str) -> Self:
        """Make a turn of a role that is only known as text.

        Raises:
            PromptSetError: not a role.
        """
        match role:
            case "system" | "user" | "assistant":
                return cls(role, content)
            case _:
                raise PromptSetError(f"{role!r} is no role; roles are {', '.join(ROLES)}")


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """What a model is sent, and what its author knows about it.

    A trailing assistant message is a *prefilled answer*: the model continues it instead of starting a turn of its own.
    """

    id: str
    messages: tuple[Message, ...]
    category: str | None = None
    """What the prompt is about: a harm area, a skill."""
    label: str | None = None
    """What its author says of it, for example `harmful` or `benign`. SIRL never sees it."""
    target: str | None = None
    """The exact answer, where there is one."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """Every other column of the row it was read from."""

    @property
    def request(self) -> str:
        """The last thing the user says: what a judge calls the goal and an attack rewrites."""
        return next(message.content for message in reversed(self.messages) if message.role == "user")

    @property
    def prefill(self) -> str:
        """The beginning of the answer that is put in the model's mouth; empty where there is none."""
        last = self.messages[-1]
        return last.content if last.role == "assistant" else ""

    def without_labels(self) -> "Prompt":
        """Keep only what is sent to the model, and the id to find the row again."""
        return replace(self, category=None, label=None, target=None, metadata={})

    def as_row(self) -> dict[str, Any]:
        """Spell the prompt as a JSONL row: `prompt` for one user turn, `messages` otherwise, nothing that is absent."""
        row: dict[str, Any] = {"id": self.id}
        if len(self.messages) == 1 and self.messages[0].role == "user":
            row["prompt"] = self.messages[0].content
        else:
            row["messages"] = [asdict(message) for message in self.messages]
        known = {"category": self.category, "label": self.label, "target": self.target}
        return row | {name: value for name, value in known.items() if value is not None} | dict(self.metadata)

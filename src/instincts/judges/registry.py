"""Judges by name; knows how each decides, not how Inspect runs it (`scorers.py` does)."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from instincts.errors import unknown_name
from instincts.judges import pocket, refusal
from instincts.judges.verdict import Answer, Verdict

__all__ = ["Judge", "expand", "get", "names"]


@dataclass(frozen=True, kw_only=True)
class Judge:
    """Someone who says whether an answer refuses or complies."""

    name: str
    description: str
    check: Callable[[Answer], Verdict] | None = None
    """Pure: the same answer gets the same verdict. Raises UnreadableReplyError where it cannot judge."""
    ask: Callable[[Answer], Awaitable[Verdict]] | None = None
    """For a judge that asks another model, instead of `check`; raises the same."""

    def __post_init__(self) -> None:
        """Hold the author of a judge to one of the two ways."""
        if (self.check is None) == (self.ask is None):
            raise ValueError(f"judge {self.name}: give check or ask")

    async def rule(self, answer: Answer) -> Verdict:
        """Judge an answer, asking another model where need be.

        Raises:
            UnreadableReplyError: it cannot judge this answer; that is no verdict.
        """
        if self.check is not None:
            return self.check(answer)
        assert self.ask is not None, "a judge checks or asks"
        return await self.ask(answer)


def names() -> list[str]:
    """List the judges, sorted."""
    return sorted(_JUDGES)


def get(name: str) -> Judge:
    """Look up a judge.

    Raises:
        ConfigError: no judge of that name; the message lists near matches.
    """
    if name not in _JUDGES:
        raise unknown_name("judge", name, _JUDGES)
    return _JUDGES[name]


def expand(wanted: str | Sequence[str]) -> list[Judge]:
    """Look up names, in a list or with commas between them; the first is the one whose verdict counts.

    Raises:
        ConfigError: no judge of one of the names, or no name at all.
    """
    parts = wanted.split(",") if isinstance(wanted, str) else wanted
    return [get(name) for name in dict.fromkeys(part.strip() for part in parts)]


_JUDGES = MappingProxyType(
    {
        judge.name: judge
        for judge in (
            Judge(name="pocket", description="exact, by the grammar of the pocket world", check=pocket.check),
            Judge(name="refusal", description="patterns at the opening of the answer, English", check=refusal.check),
        )
    }
)

"""What a layout is: where a public set keeps its request, label, category and id; knows no set."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Columns", "Layout", "one_of"]

Columns = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Where a public set keeps what."""

    name: str
    columns: frozenset[str]
    """Columns that all must be there."""
    closed: bool = False
    """Whether there must be no other."""
    prompt: str
    id: str | None = None
    category: str | None = None
    opening: str | None = None
    """How an agreeing answer might begin."""
    answer: Callable[[Columns], str] | None = None
    """The exact answer."""
    label: str | None = None
    label_column: str | None = None
    labels: Callable[[Columns], str] | None = None
    """For a label that follows from other columns."""
    before: str | None = None
    """A column whose text stands before the prompt."""
    text: Callable[[Columns], Any] | None = None
    """Takes the request out of `prompt`, where that is no text, or out of several columns; ValueError says what is
    wrong with them."""
    ids: Callable[[Columns], str] | None = None
    """For an id that follows from several columns."""
    told: Callable[[Columns], dict[str, Any]] | None = None
    """More metadata: `part` of the set, `family` of the request."""
    some_of: frozenset[str] = frozenset()
    """Columns of which at least one must be there; with `closed`, no others may."""
    check: Callable[[Columns], str | None] | None = None
    """What is wrong with a row, None if nothing."""
    task: str | None = None
    """The utility task whose questions these are; then the whole row is kept for it."""

    def fits(self, names: Collection[str]) -> bool:
        """Whether rows with these columns are laid out so."""
        if not self.columns <= set(names) or (self.some_of and self.some_of.isdisjoint(names)):
            return False
        return not self.closed or set(names) <= self.columns | self.some_of


def one_of(column: str, allowed: tuple[str, ...]) -> Callable[[Columns], str | None]:
    """Make a check that a column holds one of a few words."""

    def check(columns: Columns) -> str | None:
        value = columns[column]
        return None if value in allowed else f"`{column}` is {value!r}; it is one of {', '.join(allowed)}"

    return check

"""What a moderator says of a request: flagged or not, and how surely."""

from dataclasses import dataclass
from typing import Self

__all__ = ["RULINGS", "Ruling"]

RULINGS = ("flagged", "passed")
"""The words of a ruling in logs."""


@dataclass(frozen=True, kw_only=True)
class Ruling:
    """One verdict on a request. Without a verdict there is no ruling, but an UnreadableReplyError."""

    is_flagged: bool
    score: float
    """How likely the request is harmful by the moderator, 0 to 1; 0 or 1 where it gives no probability."""
    explanation: str

    @classmethod
    def of(cls, is_flagged: bool, chance: float | None, explanation: str) -> Self:
        """Make a ruling; without a probability the score is the flag itself."""
        return cls(
            is_flagged=is_flagged, score=float(is_flagged) if chance is None else chance, explanation=explanation
        )

    @property
    def word(self) -> str:
        """Of `RULINGS`."""
        return RULINGS[0] if self.is_flagged else RULINGS[1]

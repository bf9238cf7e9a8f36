"""Every error that `instincts` raises on purpose; knows nothing of how they are shown.

    InstinctsError
    ├── ConfigError             a flag, field or name the caller can correct (an unknown name lists near matches)
    ├── ModelDirectoryError     a model that does not open, or an overlay that does not fit its base
    ├── PromptSetError          a prompt file whose rows or columns are not what they should be; names file and line
    ├── EmptyCompletionError    a signal was asked about no token
    ├── UnreadableReplyError    a judge, planner or simulated person wrote what no parser accepts
    ├── EvaluationError         a suite did not finish; what is finished is kept
    ├── TrainingError           the pre-flight refused, a loss is not finite, a checkpoint could not be written
    ├── NoVerdictError          a moderation service could not judge; its cause is one of a few words
    ├── SteeringError           no strength makes a model safer, or what was made is worse than what it was made from
    └── RecordError             a run folder that cannot be taken or continued, records that cannot be read or written

Branches are named after the boundary that was crossed. A message names the thing, the value and the remedy. Only
`cli/` catches `InstinctsError`; programming errors keep their traceback.
"""

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = [
    "ConfigError",
    "EmptyCompletionError",
    "EvaluationError",
    "InstinctsError",
    "ModelDirectoryError",
    "NoVerdictError",
    "PromptSetError",
    "RecordError",
    "SteeringError",
    "TrainingError",
    "UnreadableReplyError",
    "unknown_name",
]


class InstinctsError(Exception):
    """Something the user can put right; the message says how."""


class ConfigError(InstinctsError):
    """A flag, field or name the caller can correct."""


class ModelDirectoryError(InstinctsError):
    """A model that does not open, or an overlay whose keys, shapes or tokenizer do not fit its base."""


class PromptSetError(InstinctsError):
    """Rows, columns or hash of a prompt file differ from what is declared."""


class EmptyCompletionError(InstinctsError):
    """A signal was asked about no token."""


class UnreadableReplyError(InstinctsError):
    """A judge, planner or simulated person wrote what no parser accepts."""


class EvaluationError(InstinctsError):
    """A suite that did not finish: samples that fail again and again, a server that went away."""


class TrainingError(InstinctsError):
    """A training that was refused or went wrong."""


class NoVerdictError(InstinctsError):
    """A text that a moderation service could not judge."""

    def __init__(self, cause: str, message: str) -> None:
        """Say why: `unreadable`, `timeout`, `overload`, `analyst_down`, `too_long` or `store_down`, and in words."""
        super().__init__(message)
        self.cause = cause


class SteeringError(InstinctsError):
    """Steering did no good: no strength makes a model safer, or the result is worse than its input."""


class RecordError(InstinctsError):
    """A run folder or what a run leaves in it could not be taken, written or read."""


def unknown_name(kind: str, name: str, known: Iterable[str], *, listed_by: str = "") -> ConfigError:
    """Build the error for a name that is not in a list: near matches first, then the whole list.

    Args:
        kind: what the name should be, for example "attack".
        name: what the caller wrote.
        known: the names that exist.
        listed_by: a command that lists them, where they are too many for a sentence.
    """
    names = sorted(map(str, known))
    near = get_close_matches(name, names, n=3, cutoff=0.5)
    guess = f" did you mean {' or '.join(repr(match) for match in near)}?" if near else ""
    listed = f"`{listed_by}` lists them all" if listed_by else f"known: {', '.join(names)}"
    return ConfigError(f"no {kind} named {name!r};{guess} {listed}")

"""Transfer: attack prompts that somebody else found, read from the user's own file and sent as they are.

    transfer:FILE                      every attack of the file
    transfer:FILE:COLUMN[+COLUMN...]   some of them

Their names are `transfer/COLUMN`. Where an attack gave up on a behaviour nothing is sent: over all behaviours that is a
defence, and from the rate over prompts that exist the behaviour is absent; both are reported. No text of such a file is
ever shown by us outside the logs.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from instincts.attacks.attack import Attack, Found, Goal
from instincts.errors import PromptSetError, unknown_name
from instincts.prompts.stored import StoredColumn, StoredPrompt, normalised
from instincts.prompts.stored_files import StoredFile, read_stored

if TYPE_CHECKING:
    from instincts.attacks.target import AttackTarget

__all__ = ["PREFIX", "transfer_attacks"]

PREFIX = "transfer:"


def transfer_attacks(spec: str) -> list[Attack]:
    """Make the attacks of a file, in its order, or of the columns that were named, in theirs.

    Args:
        spec: `transfer:FILE` or `transfer:FILE:COLUMN[+COLUMN...]`.

    Raises:
        PromptSetError: a file that is missing or broken; says file and line.
        ConfigError: no such column; the message lists near matches.
    """
    path, wanted = _parts(spec.removeprefix(PREFIX))
    stored = _read(path)
    columns = {column.name: column for column in stored.columns}
    for name in wanted:
        if name not in columns:
            raise unknown_name(f"attack in {path}", name, columns)
    # The plain request stands in some files as a column; it is an attack only for who asks for it.
    chosen = wanted or [name for name in columns if name != "Goal"]
    return [_attack(stored, columns[name]) for name in chosen]


def _parts(text: str) -> tuple[Path, list[str]]:
    if Path(text).exists():
        return Path(text), []
    file, colon, columns = text.rpartition(":")
    if colon and Path(file).exists():
        return Path(file), [name.strip() for name in columns.split("+") if name.strip()]
    return Path(file if colon else text), []


def _read(path: Path) -> StoredFile:
    try:
        known = path.stat()
    except OSError:
        raise PromptSetError(f"no file of attack prompts {path}; write --attack {PREFIX}FILE") from None
    return _read_once(path, known.st_mtime_ns, known.st_size)


# Every sample looks its attack up by the file's name; a file that changes is read again.
@lru_cache(maxsize=16)
def _read_once(path: Path, changed: int, size: int) -> StoredFile:
    return read_stored(path)


def _attack(stored: StoredFile, column: StoredColumn) -> Attack:
    return Attack(
        name=f"transfer/{column.name}",
        family="transfer",
        mechanism=f"ready-made: {len(column.rows)} rows, {column.distinct} distinct, {column.given_up} given up",
        access="static",
        search=partial(_send, stored, column),
        check=partial(_check, stored, column),
        sources=lambda: {str(stored.path): stored.sha256},
        spec=f"{PREFIX}{stored.path}:{column.name}",
        cost="nothing here; what it took to find the prompts is in their file",
    )


async def _send(stored: StoredFile, column: StoredColumn, target: "AttackTarget", goal: Goal, seed: int) -> Found:
    from inspect_ai.model import ModelOutput

    row = _row(stored, column, goal)
    notes = _notes(stored, row, goal)
    if row.messages is None:
        return Found(goal.messages, ModelOutput.from_content("none", ""), {**notes, "gave_up": True})
    # Turns before the request stay, and so does the system message, unless the file has one of its own.
    has_system = any(message.role == "system" for message in row.messages)
    before = [turn for turn in goal.messages[:-1] if not (has_system and turn.role == "system")]
    return Found((*before, *row.messages), None, notes)


def _check(stored: StoredFile, column: StoredColumn, goals: Sequence[Goal]) -> None:
    absent = [goal for goal in goals if column.find(goal.id, goal.request) is None]
    if absent:
        raise _unmatched(stored, column, len(absent), len(goals), absent[0].id)


def _row(stored: StoredFile, column: StoredColumn, goal: Goal) -> StoredPrompt:
    row = column.find(goal.id, goal.request)
    if row is None:
        raise _unmatched(stored, column, 1, 1, goal.id)
    return row


def _unmatched(stored: StoredFile, column: StoredColumn, absent: int, asked: int, first: str) -> PromptSetError:
    return PromptSetError(
        f"{stored.path} has no prompt of {column.name} for {absent} of {asked} behaviours, by id or by text; the first "
        f"is {first!r}; use prompts that the file was made for, for example the file itself, or choose another column"
    )


def _notes(stored: StoredFile, row: StoredPrompt, goal: Goal) -> Mapping[str, Any]:
    differs = row.goal is not None and normalised(row.goal) != normalised(goal.request)
    return {
        "file": str(stored.path),
        "file_sha256": stored.sha256,
        "file_rows": stored.rows,
        "line": row.line,
        **({"goal_differs": True} if differs else {}),
        **row.notes,
    }

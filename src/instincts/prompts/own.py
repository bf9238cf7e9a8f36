"""The user's own rows: `prompt` or `messages`, optional `id`, `category`, `label`, `target`; knows no benchmark."""

import json
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from instincts.prompts.prompt import ROLES, Message, Prompt
from instincts.prompts.rows import HEADINGS, Row, problem

__all__ = ["KNOWN", "cell", "parse_own"]

KNOWN = ("id", "prompt", "messages", "category", "label", "target")


def parse_own(path: Path | str, row: Row, default_id: str, label: str | None = None) -> Prompt:
    """Read one row; every other column is kept as metadata.

    Args:
        path: names the file in errors.
        row: what was read.
        default_id: for a row without one.
        label: for a row without one.

    Raises:
        PromptSetError: neither `prompt` nor `messages`, or one that cannot be sent; names the line.
    """
    # An empty cell is an absent value (an empty prompt is an error).
    columns = {name: value for name, value in row.columns.items() if value != "" or name == "prompt"}
    headings = columns.pop(HEADINGS, ())
    return Prompt(
        id=cell(path, row, "id") or default_id,
        messages=_messages(path, row),
        category=cell(path, row, "category") or (headings[0] if headings else None),
        label=cell(path, row, "label") or label,
        target=cell(path, row, "target"),
        metadata={name: value for name, value in columns.items() if name not in KNOWN},
    )


def cell(path: Path | str, row: Row, name: str) -> str | None:
    """Read a cell as text, None where it is absent or empty.

    Raises:
        PromptSetError: it holds a list or an object.
    """
    value = row.columns.get(name)
    if value is None or value == "" or isinstance(value, str):
        return value or None
    if isinstance(value, bool | int | float):
        return str(value)
    raise problem(path, row.line, f"`{name}` must be text, not {type(value).__name__}")


def _messages(path: Path | str, row: Row) -> tuple[Message, ...]:
    prompt, messages = row.columns.get("prompt"), row.columns.get("messages")
    if messages is not None and messages != "":
        if prompt:
            raise problem(path, row.line, "both `prompt` and `messages`; give one")
        return _conversation(path, row.line, messages)
    if prompt is None:
        raise problem(path, row.line, _missing(row.columns))
    if not isinstance(prompt, str):
        raise problem(path, row.line, f"`prompt` must be text, not {type(prompt).__name__}")
    if not prompt.strip():
        raise problem(path, row.line, "empty prompt; write something or delete the row")
    return (Message("user", prompt),)


def _conversation(path: Path | str, line: int, value: Any) -> tuple[Message, ...]:
    if isinstance(value, str):  # a CSV cell holds the list as JSON text
        try:
            value = json.loads(value)
        except json.JSONDecodeError as error:
            raise problem(path, line, f"`messages` is not a JSON list: {error.msg}") from None
    if not isinstance(value, list) or not value:
        raise problem(path, line, "`messages` must be a list of at least one message")
    turns = tuple(_message(path, line, number, turn) for number, turn in enumerate(value, start=1))
    if all(turn.role != "user" for turn in turns):
        raise problem(path, line, "`messages` has no user message")
    if turns[-1].role == "system":
        raise problem(path, line, "the last message is from the system; end with the user, or with a prefilled answer")
    return turns


def _message(path: Path | str, line: int, number: int, value: Any) -> Message:
    if not isinstance(value, dict) or set(value) != {"role", "content"}:
        raise problem(path, line, f"message {number} must have a `role` and a `content`, nothing else")
    role, content = value["role"], value["content"]
    if role not in ROLES:
        raise problem(path, line, f"message {number} has role {role!r}; roles are {', '.join(ROLES)}")
    if not isinstance(content, str) or not content.strip():
        raise problem(path, line, f"message {number} ({role}) is empty; write something or delete it")
    return Message(role, content)


def _missing(columns: Mapping[str, Any]) -> str:
    near = [name for name in columns if get_close_matches(name.lower(), ("prompt", "messages"), cutoff=0.6)]
    guess = f"; rename {near[0]!r} to `prompt`" if near else ""
    return f"no `prompt` or `messages`; columns here: {', '.join(columns) or 'none'}{guess}"

"""From a settings class to the command line: its fields become a table of help, `KEY=VALUE` words its values."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from instincts.errors import ConfigError, unknown_name

if TYPE_CHECKING:
    from instincts.config import Settings

__all__ = ["describe", "given", "parse_assignments"]


def describe(settings: "type[Settings]", values: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    """List every setting with its value (the default, where none is given) and the text under its field."""
    return [
        {
            "key": name,
            "value": str((values or {}).get(name, field.default)),
            "meaning": " ".join((field.description or "").split()),
        }
        for name, field in settings.model_fields.items()
    ]


def parse_assignments(assignments: Sequence[str], settings: "type[Settings]") -> dict[str, Any]:
    """Read `KEY=VALUE` words; values stay text, which pydantic turns into the field's type, but lists are JSON.

    Raises:
        ConfigError: a word without `=`, or a key that is no setting or comes twice.
    """
    found: dict[str, Any] = {}
    for word in assignments:
        key, equals, text = word.partition("=")
        key = key.strip().replace("-", "_")
        if not equals:
            raise ConfigError(f"--set {word!r} has no '='; write --set KEY=VALUE, or --set help for the list")
        if key not in settings.model_fields:
            raise unknown_name("setting", key, settings.model_fields)
        if key in found:
            raise ConfigError(f"--set {key} is given twice, {found[key]!r} and {text!r}; keep one")
        found[key] = _value(text)
    return found


def given(flags: Mapping[str, Any], assignments: Mapping[str, Any]) -> dict[str, Any]:
    """Join flags and assignments; `None` means not given.

    Raises:
        ConfigError: the same setting came both ways.
    """
    set_flags = {name: value for name, value in flags.items() if value is not None}
    if both := sorted(set_flags.keys() & assignments.keys()):
        raise ConfigError(f"{both[0]} is given twice, as a flag and with --set; keep one")
    return {**set_flags, **assignments}


def _value(text: str) -> Any:
    if text.lower() in {"none", "null"}:
        return None
    if not text.startswith(("[", "{")):
        return text
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError(f"--set value {text!r} is not JSON: {error.msg}") from None

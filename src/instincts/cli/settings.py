"""From a settings class to the command line: its fields become a table of help, `KEY=VALUE` words its values."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import typer

from instincts.cli.table import show_rows
from instincts.errors import ConfigError, unknown_name

if TYPE_CHECKING:
    from instincts.config import Settings

__all__ = ["describe", "given", "parse_assignments", "set_option"]


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


def set_option(rows: Callable[[], list[dict[str, Any]]], values_are: str = "") -> Any:
    """Make the option `--set KEY=VALUE`; `--set help` lists the settings and ends there.

    Args:
        rows: makes the list, as `describe` does; a function, since importing the settings would slow every `--help`.
        values_are: what the values in the list stand for.
    """

    def list_or_pass(assignments: list[str] | None) -> list[str] | None:
        if assignments == ["help"]:
            title = "--set KEY=VALUE" + (f"; values are those of {values_are}" if values_are else "")
            show_rows(rows(), as_json=False, title=title)
            raise typer.Exit
        return assignments

    return typer.Option(
        "--set",
        metavar="KEY=VALUE",
        callback=list_or_pass,
        is_eager=True,
        show_default=False,
        help="Any other setting, as often as needed; `--set help` lists them all.",
    )


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

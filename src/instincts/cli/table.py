"""Rows on the terminal: a table for people, JSON for programs; stdout carries nothing else."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    # Only for its name: pydantic would take a third of the time `--help` has.
    from instincts.records import Metric

__all__ = ["notice", "show_metrics", "show_rows"]


def show_metrics(rows: "Sequence[Metric]", *, as_json: bool, title: str | None = None) -> None:
    """Print rows of `metrics.json`; as JSON they are exactly those rows."""
    if as_json:
        show_rows([row.model_dump() for row in rows], as_json=True)
        return
    runs = {row.run for row in rows}
    show_rows(
        [
            {
                **({"run": row.run} if len(runs) > 1 else {}),
                "model": row.model,
                "suite": row.suite,
                "slice": row.slice,
                "metric": row.metric,
                "value": row.value,
                "95 % interval": "" if row.ci_low is None else f"{_text(row.ci_low)} to {_text(row.ci_high)}",
                "n": row.n,
            }
            for row in rows
        ],
        as_json=False,
        title=title,
    )


def show_rows(rows: Sequence[Mapping[str, Any]], *, as_json: bool, title: str | None = None) -> None:
    """Print rows of the same keys; numbers to three places, booleans as yes and no, `None` as a dash."""
    if as_json:
        typer.echo(json.dumps(list(rows), indent=1, ensure_ascii=False))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left")
    for name in rows[0] if rows else ():
        is_number = all(isinstance(row[name], int | float | None) for row in rows)
        table.add_column(name, justify="right" if is_number else "left", overflow="fold")
    for row in rows:
        # Text, not str: a completion may hold what rich would read as markup.
        table.add_row(*(Text(_text(value)) for value in row.values()))
    Console().print(table)


def notice(message: str) -> None:
    """Say something beside the result; stderr, so that stdout stays a table."""
    typer.echo(message, err=True)


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3f}"
    # A model may write escape sequences; they must not reach the terminal.
    return "".join(
        letter if letter.isprintable() or letter == "\n" else "\N{REPLACEMENT CHARACTER}" for letter in str(value)
    )

"""Rows on the terminal: a table for people, JSON for programs; stdout carries nothing else."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import typer

if TYPE_CHECKING:
    # Only for its name: pydantic would take a third of the time `--help` has.
    from instincts.records import Metric

__all__ = ["notice", "show_metrics", "show_rows"]


def show_metrics(rows: "Sequence[Metric]", *, as_json: bool, slices: bool = False) -> None:
    """Print rows of `metrics.json`; as JSON they are exactly those rows. A column that never changes is left out.

    Args:
        rows: what was measured.
        as_json: print the rows as they are.
        slices: show each slice of a metric too, where there is a row for `all` of them.
    """
    if as_json:
        show_rows([row.model_dump() for row in rows], as_json=True)
        return
    shown = list(rows) if slices else _totals(rows)
    varying = [name for name in ("run", "model", "suite", "slice") if len({getattr(row, name) for row in shown}) > 1]
    show_rows(
        [
            {
                **{name: getattr(row, name) for name in varying},
                "metric": row.metric,
                "value": row.value,
                "95 %": "" if row.ci_low is None else f"{_text(row.ci_low)} to {_text(row.ci_high)}",
                "n": row.n,
            }
            for row in shown
        ],
        as_json=False,
        whole=("slice", "metric", "95 %"),
    )


def show_rows(
    rows: Sequence[Mapping[str, Any]], *, as_json: bool, title: str | None = None, whole: Sequence[str] = ()
) -> None:
    """Print rows of the same keys; numbers to three places, booleans as yes and no, `None` as a dash.

    Args:
        rows: the cells of each row by column.
        as_json: print a JSON list instead.
        title: stands above the table.
        whole: columns that are never broken over lines.
    """
    if as_json:
        typer.echo(json.dumps(list(rows), indent=1, ensure_ascii=False))
        return
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left", box=SIMPLE)
    for name in rows[0] if rows else ():
        is_number = all(isinstance(row[name], int | float | None) for row in rows)
        justify: Literal["left", "right"] = "right" if is_number else "left"
        table.add_column(name, justify=justify, overflow="fold", no_wrap=name in whole)
    for row in rows:
        # Text, not str: a completion may hold what rich would read as markup.
        table.add_row(*(Text(_text(value)) for value in row.values()))
    console = Console()
    # Into a file or a pipe rich would fold at 80 columns, where paths and names break in the middle.
    (console if console.is_terminal else Console(width=140)).print(table)


def notice(message: str) -> None:
    """Say something beside the result; stderr, so that stdout stays a table."""
    typer.echo(message, err=True)


def _totals(rows: "Sequence[Metric]") -> "list[Metric]":
    totalled = {(row.run, row.model, row.suite, row.metric) for row in rows if row.slice == "all"}
    return [row for row in rows if row.slice == "all" or (row.run, row.model, row.suite, row.metric) not in totalled]


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

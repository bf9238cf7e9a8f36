"""`instincts data`: which public sets can be read, and what a prompt file is; shows counts and hashes, never a text."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from instincts.cli.options import AsJson
from instincts.cli.table import show_rows

if TYPE_CHECKING:
    from instincts.prompts.inspection import Inspection

__all__ = ["check_file", "data", "list_sets"]

data = typer.Typer(
    name="data",
    help="Public sets that can be read, and what a prompt file is.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


@data.command("list")
def list_sets(as_json: AsJson = False) -> None:
    """List the public sets with source, licence, rows and role; `test` sets are never to be trained on.

    Last come the facts for `instincts edit` that are in the package itself.

    For example:

    - `instincts data list`
    """
    from instincts.arithmetic.facts import FACT_SETS
    from instincts.prompts.catalogue import CATALOGUE

    rows: list[dict[str, Any]] = [
        {
            "name": each.name,
            "suite": each.suite,
            "role": each.role,
            "rows": " or ".join(f"{size:,}" for size in each.rows) or "in many files",
            "licence": each.licence,
            "source": each.source,
            "hub": each.hub.path if each.hub else None,
            "what": each.what,
        }
        for each in CATALOGUE.values()
    ]
    rows += [
        {
            "name": name,
            "suite": "edit",
            "role": "test",
            "rows": str(each.rows),
            "licence": each.licence,
            "source": "in this package",
            "hub": None,
            "what": each.what,
        }
        for name, each in FACT_SETS.items()
    ]
    if not as_json:
        rows = [{name: value for name, value in row.items() if name not in ("hub", "what")} for row in rows]
    show_rows(rows, as_json=as_json)


@data.command("check")
def check_file(
    file: Annotated[Path, typer.Argument(metavar="FILE", show_default=False, help="A prompt file.")],
    against: Annotated[
        str | None,
        typer.Option(
            "--against",
            metavar="FILE",
            show_default=False,
            help="A training file or named set: rows that are in both, exactly or nearly.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say what a file is: layout, rows, labels, categories, hash, licence, repeated rows, rows that training saw.

    A row that is broken is named by its line, and the command ends with 1.

    For example:

    - `instincts data check jailbreakbench_behaviors.csv`
    - `instincts data check jailbreakbench_behaviors.csv --against train.jsonl`
    """
    from instincts.prompts.inspection import inspect_file

    found = inspect_file(file, against=against)
    facts = _facts(found)
    if as_json:
        show_rows([facts], as_json=True)
    else:
        show_rows([{"": name, "found": _told(value)} for name, value in facts.items()], as_json=False, whole=("",))


def _facts(found: "Inspection") -> dict[str, Any]:
    known = found.data_set
    return {
        "file": str(found.path),
        "layout": found.layout,
        "set": known.name if known else None,
        "licence": known.licence if known else None,
        "source": known.source if known else None,
        "role": known.role if known else None,
        "rows": found.rows,
        "rows as published": found.is_whole if known else None,
        "bytes as published": found.as_published,
        "labels": dict(found.labels),
        "categories": dict(found.categories),
        "sha256 of the file": found.file_sha256,
        "sha256 of the rows": found.rows_sha256,
        "repeated exactly": sum(each.kind == "exact" for each in found.repeated),
        "repeated nearly": sum(each.kind == "near" for each in found.repeated),
        **(
            {}
            if found.shared is None
            else {
                "also in training, exactly": [each.id for each in found.shared if each.kind == "exact"],
                "also in training, nearly": [each.id for each in found.shared if each.kind == "near"],
            }
        ),
    }


def _told(value: Any) -> Any:
    match value:
        case dict():
            parts = [f"{name} {count}" for name, count in value.items()]
            return ", ".join(parts[:_SHOWN]) + (f" and {len(parts) - _SHOWN} more" if len(parts) > _SHOWN else "")
        case list():
            return f"{len(value)} rows" + (f": {', '.join(value[:_SHOWN])}" if value else "")
        case int() if not isinstance(value, bool):
            return f"{value:,}"
    return value


_SHOWN = 20
"""Names in one cell; JSON has them all."""

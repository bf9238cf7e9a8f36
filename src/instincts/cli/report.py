"""`instincts report`: run folders in, one page out."""

from pathlib import Path
from typing import Annotated

import typer

from instincts.cli.table import notice

__all__ = ["report"]


def report(
    folders: Annotated[
        list[Path],
        typer.Argument(
            metavar="DIR...", show_default=False, help="Run folders; the first is what the others are compared with."
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            metavar="FILE.html",
            show_default=False,
            help="The page to write; a .json of the same name gets the numbers.",
        ),
    ],
    transcripts: Annotated[
        bool | None,
        typer.Option(
            "--transcripts/--no-transcripts",
            show_default=False,
            help="Put a few prompts and answers on the page; by default only those of the pocket, which mean nothing.",
        ),
    ] = None,
) -> None:
    """Put run folders side by side on one self-contained page: rates, paired changes, judges, costs, what was left out.

    For example:

    - `instincts report runs/before runs/after --out runs/report.html`
    - `instincts report runs/*-jailbreak --out runs/ten-models.html`
    """
    from instincts.report.page import write_report

    write_report(folders, out, transcripts=transcripts)
    notice(f"the page: {out}")

"""`instincts analyze`: who would be harmed and who would gain if these prompts were answered?"""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from instincts.cli.options import CODINGS, AsJson, Prompts, Seed, choice
from instincts.cli.progress import progress_bar
from instincts.cli.table import notice, show_metrics, show_rows

__all__ = ["analyze"]


def analyze(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            show_default=False,
            help="The analyst: `pocket-analyst`, a folder that `distill` wrote, a hub id, or any Inspect provider's, "
            "such as `openai/NAME`.",
        ),
    ],
    prompts: Prompts,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", show_default=False, help="The run folder; made up if not given."),
    ] = None,
    coding: Annotated[
        str | None,
        choice(
            "--coding",
            CODINGS,
            "How the tree is written: JSON with words or the compact coding after an instruction, or either by a model "
            "that was trained to write it; what `distill` trained says it itself.",
        ),
    ] = None,
    calls: Annotated[
        int | None,
        typer.Option("--calls", metavar="1|2", show_default=False, help="2 asks for harms and benefits apart."),
    ] = None,
    subject: Annotated[
        str,
        choice(
            "--subject",
            ("prompt", "response"),
            "What the trees are about: prompts as if they were answered, or answers as they stand, from a column "
            "`response` or a last turn of the assistant's.",
        ),
    ] = "prompt",
    samples: Annotated[
        int | None,
        typer.Option(
            "--samples",
            metavar="K",
            show_default=False,
            help="Trees of each prompt, made one of what half of them agree on; 1 by default.",
        ),
    ] = None,
    structured: Annotated[
        str | None,
        choice(
            "--structured",
            ("auto", "on", "off"),
            "Hold served models to a JSON schema; `auto` tries it once and goes without where that does not work.",
        ),
    ] = None,
    attempts: Annotated[
        int | None,
        typer.Option(
            "--attempts", metavar="N", show_default=False, help="Attempts before a prompt has no verdict; 3 by default."
        ),
    ] = None,
    max_tokens: Annotated[
        int | None,
        typer.Option("--max-tokens", metavar="N", show_default=False, help="Where a reply is cut; 4096 by default."),
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="N", show_default=False, help="Only the first N prompts.")
    ] = None,
    keep_prompts: Annotated[
        bool | None,
        typer.Option(
            "--keep-prompts", show_default=False, help="Write prompts beside their trees; otherwise only their hash."
        ),
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            show_default=False,
            help="Another setting, such as `stakeholders=3`; `--set help` lists all.",
        ),
    ] = None,
    max_connections: Annotated[
        int | None,
        typer.Option(
            "--max-connections", metavar="N", show_default=False, help="Most requests at once to a served model."
        ),
    ] = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Grow a harm-benefit tree for each prompt; run the same command again to continue.

    For example:

    - `instincts analyze pocket-analyst --prompts pocket --out runs/trees`
    - `instincts analyze openai/gpt-4o-mini --prompts prompts.jsonl --out runs/trees`
    - `instincts analyze Qwen/Qwen2.5-7B-Instruct --prompts prompts.csv --coding lines --calls 1`
    """
    from instincts.analyst import analyzing
    from instincts.analyst.settings import AnalysisSettings
    from instincts.cli.settings import describe, given, parse_assignments

    if setting == ["help"]:
        show_rows(describe(AnalysisSettings), as_json=as_json)
        return
    flags: dict[str, Any] = {"coding": coding, "calls": calls, "structured": structured}
    flags |= {"samples": samples, "attempts": attempts}
    flags |= {"max_tokens": max_tokens, "limit": limit, "keep_prompts": keep_prompts, "seed": seed}
    settings = AnalysisSettings.resolve(given=given(flags, parse_assignments(setting or [], AnalysisSettings)))
    folder = out or Path("runs") / f"analyze-{datetime.now():%Y%m%d-%H%M%S}"
    with progress_bar("analysing") as progress:
        rows = analyzing.analyze(
            model,
            prompts,
            out=folder,
            settings=settings,
            subject=subject,  # type: ignore[arg-type]  # one of the two, the option saw to it
            max_connections=max_connections,
            progress=progress,
        )
    show_metrics(rows, as_json=as_json)
    notice(f"written: {folder}")

"""`instincts evaluate`: how safe, how willing and how able are these models?"""

from pathlib import Path
from typing import Annotated

import typer

from instincts.cli.options import AsJson, Seed, names
from instincts.cli.table import notice, show_metrics

__all__ = ["evaluate"]


def evaluate(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL...",
            show_default=False,
            help="One or more: `pocket-llama`, a hub id, a checkpoint folder, or a folder written by `train`.",
        ),
    ],
    suite: Annotated[
        str | None,
        typer.Option(
            "--suite",
            metavar="NAME[,NAME]",
            show_default=False,
            help="`jailbreak`, `overrefusal`, `utility`, or `pocket` for all three on the pocket's own prompts.",
        ),
    ] = None,
    prompts: Annotated[
        str | None,
        typer.Option(
            "--prompts", metavar="FILE", show_default=False, help="Prompts for the suites: JSONL, CSV or a named set."
        ),
    ] = None,
    attack: Annotated[
        str | None,
        typer.Option(
            "--attack",
            metavar="NAME[,NAME]",
            show_default=False,
            help="Attacks or families of them; `plain` is the request itself.",
        ),
    ] = None,
    judge: Annotated[
        str | None,
        typer.Option("--judge", metavar="NAME[,NAME]", show_default=False, help="Who decides what a refusal is."),
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="N", show_default=False, help="Only the first N prompts.")
    ] = None,
    samples: Annotated[int, typer.Option("--samples", metavar="K", help="Answers a prompt.")] = 1,
    seed: Seed = 0,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", show_default=False, help="The run folder; made up if not given."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Attack models, judge their answers, and write the rates with their intervals.

    For example:

    - `instincts evaluate pocket-llama runs/gated --suite pocket --out runs/compared`
    - `instincts evaluate Qwen/Qwen2.5-0.5B-Instruct --suite jailbreak --prompts FILE`
    """
    from instincts.suites import running

    outcome = running.evaluate(
        models,
        suites=names(suite),
        prompts=prompts,
        attacks=names(attack),
        judges=names(judge),
        limit=limit,
        samples=samples,
        seed=seed,
        out=out,
    )
    show_metrics(outcome.metrics, as_json=as_json)
    notice(f"written: {outcome.folder}")

"""`instincts preflight`: has this model an instinct worth amplifying?"""

from pathlib import Path
from typing import Annotated

import typer

from instincts.cli.options import AsJson, Model, Prompts, Seed
from instincts.cli.progress import progress_bar
from instincts.cli.table import notice, show_metrics

__all__ = ["preflight"]


def preflight(
    model: Model,
    prompts: Prompts,
    samples: Annotated[
        int, typer.Option("--samples", metavar="G", help="Answers a prompt from the untouched model; at least 2.")
    ] = 8,
    seed: Seed = 0,
    max_tokens: Annotated[
        int, typer.Option("--max-tokens", metavar="N", help="Longest answer; one cut off here is left out.")
    ] = 512,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Keep the record here: gate.json and metrics.json.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say in words whether a model's refusals are confident enough to train on, without any label.

    For example:

    - `instincts preflight pocket-llama --prompts pocket-mixed --samples 8`
    """
    from instincts.sirl import preflight as below

    with progress_bar("answering") as progress:
        found = below.preflight(
            model,
            prompts,
            samples=samples,
            seed=seed,
            max_completion_tokens=max_tokens,
            out=out,
            progress=progress,
        )
    show_metrics(below.preflight_rows(found, model=model, seed=seed, rule="contested"), as_json=as_json)
    notice(found.verdict)

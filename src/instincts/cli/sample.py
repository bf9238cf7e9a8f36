"""`instincts sample`: answers with their entropies, and the most confident of N without any training."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from instincts.cli.options import AsJson, Model, Prompts, Seed
from instincts.cli.progress import progress_bar
from instincts.cli.table import notice, show_rows

__all__ = ["sample"]


def sample(
    model: Model,
    prompts: Prompts,
    best_of: Annotated[
        int, typer.Option("--best-of", metavar="N", help="Answer N times and keep the answer of lowest mean entropy.")
    ] = 1,
    temperature: Annotated[
        float, typer.Option("--temperature", metavar="T", min=0, help="Of the sampling; 0 is greedy.")
    ] = 1.0,
    max_tokens: Annotated[int, typer.Option("--max-tokens", metavar="N", min=1, help="Longest answer.")] = 512,
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="N", min=1, show_default=False, help="Only the first N prompts.")
    ] = None,
    seed: Seed = 0,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", show_default=False, help="Write the answers here too, as JSONL."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Answer prompts and show how sure the model was, in nats a token.

    Keeping the most confident of N answers is a defence without training, at N times the cost.

    For example:

    - `instincts sample pocket-llama --prompts pocket-harmful --best-of 8 --limit 5`
    """
    from instincts.sirl import best_of_n as below

    with progress_bar("answering") as progress:
        answers = below.sample(
            model,
            prompts,
            best_of=best_of,
            temperature=temperature,
            max_tokens=max_tokens,
            seed=seed,
            limit=limit,
            out=out,
            progress=progress,
        )
    rows = [asdict(answer) for answer in answers]
    shown = ("id", "prompt", "completion", "mean_entropy", "tokens")
    show_rows(rows if as_json else [{name: row[name] for name in shown} for row in rows], as_json=as_json)
    if out is not None:
        notice(f"written: {out}")

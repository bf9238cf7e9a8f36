"""`instincts evaluate`: how safe, how willing and how able are these models?"""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from instincts.cli.options import AsJson, ModelRoles, Seed, named_models
from instincts.cli.progress import inspect_display
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
    samples: Annotated[
        int, typer.Option("--samples", metavar="K", help="Answers to each attacked prompt, at temperature 1.")
    ] = 1,
    max_tokens: Annotated[int, typer.Option("--max-tokens", metavar="N", help="Where an answer is cut.")] = 512,
    seed: Seed = 0,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", show_default=False, help="The run folder; made up if not given."),
    ] = None,
    model_role: ModelRoles = None,
    budget: Annotated[
        int | None,
        typer.Option(
            "--budget",
            metavar="N",
            show_default=False,
            help="Most questions that a searching attack puts to the model for one goal; by default each attack's own.",
        ),
    ] = None,
    loop_judge: Annotated[
        str | None,
        typer.Option(
            "--loop-judge",
            metavar="NAME",
            show_default=False,
            help="Who steers searching attacks, by default `refusal`; never the judge whose verdict counts.",
        ),
    ] = None,
    slices: Annotated[bool, typer.Option("--slices", help="Show each attack and skill, not only the totals.")] = False,
    as_json: AsJson = False,
) -> None:
    """Attack models, judge their answers, and write the rates with their intervals.

    For example:

    - `instincts evaluate pocket-llama runs/gated --suite pocket --out runs/compared`
    - `instincts evaluate Qwen/Qwen2.5-0.5B-Instruct --suite jailbreak --prompts FILE`
    """
    from instincts.suites import running
    from instincts.suites.settings import EvaluationSettings

    flags = {"suite": suite, "prompts": prompts, "attack": attack, "judge": judge, "limit": limit}
    search = {"model_roles": named_models(model_role or []), "budget": budget, "loop_judge": loop_judge}
    settings = EvaluationSettings.resolve(
        given={**flags, **search, "samples": samples, "seed": seed, "max_tokens": max_tokens},
    )
    if suite is None and prompts is None:
        notice(POCKET_BY_DEFAULT)
    folder = out or Path("runs") / f"evaluate-{datetime.now():%Y%m%d-%H%M%S}"
    rows = running.evaluate(models, settings, out=folder, display=inspect_display(as_json=as_json))
    show_metrics(rows, as_json=as_json, slices=slices)
    notice(f"written: {folder}")


POCKET_BY_DEFAULT = (
    "no --suite and no --prompts: running the suite `pocket`, whose requests are free of content and mean nothing to a "
    "real model; give --prompts FILE for one"
)

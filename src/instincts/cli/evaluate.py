"""`instincts evaluate`: how safe, how willing and how able are these models?"""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from instincts.cli.options import JUDGES, AsJson, ModelRoles, ScaleName, Seed, named_models
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
            help="`jailbreak`, `overrefusal`, `utility`, `entropy_gap`, `likelihood`, `moderation` for models that "
            "flag requests, or `pocket` for the first four on the pocket's own prompts. By default `pocket`; "
            "`jailbreak` with --prompts, `utility` with --task.",
        ),
    ] = None,
    prompts: Annotated[
        str | None,
        typer.Option(
            "--prompts",
            metavar="FILE[,FILE]",
            show_default=False,
            help="Prompts for the suites, each takes its own rows: JSONL, CSV, JSON, text, a set of `instincts data "
            "list` or `hub:OWNER/NAME`. By default the pocket's.",
        ),
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(
            "--task",
            metavar="NAME[,NAME]",
            show_default=False,
            help="Tasks of `utility`: gsm8k, math, humaneval, mmlu, truthfulqa, ifeval, bbh, choice, exact. By default "
            "what the rows of --prompts are.",
        ),
    ] = None,
    attack: Annotated[
        str | None,
        typer.Option(
            "--attack",
            metavar="NAME[,NAME]",
            show_default=False,
            help="Attacks or families of `instincts attacks`; `plain` is the request itself, `static` all that only "
            "rewrite, `all` all that apply, `transfer:FILE` a file of attack prompts. By default `plain,pocket` on the "
            "pocket's prompts, else `static`.",
        ),
    ] = None,
    judge: Annotated[
        str | None,
        typer.Option(
            "--judge",
            metavar="NAME[,NAME]",
            show_default=False,
            help=f"Who decides what a refusal is; the first counts. {JUDGES} By default `pocket` on the pocket's "
            "prompts, else `refusal`.",
        ),
    ] = None,
    moderator: Annotated[
        str | None,
        typer.Option(
            "--moderator",
            metavar="NAME",
            show_default=False,
            help="How MODEL is asked in suite `moderation`: `endpoint`, `llama-guard`, `wildguard`, `shieldgemma`, "
            "`qwen3guard`, `granite-guardian`, `scored` for `scored/DIR`, or `refusal` for a chat model; "
            "`MODEL=NAME,...` for each. By default what the model's name says.",
        ),
    ] = None,
    scale: ScaleName = None,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit",
            metavar="N",
            show_default=False,
            help="Only the first N prompts of each file and label; by scale, else all.",
        ),
    ] = None,
    questions: Annotated[
        int | None,
        typer.Option(
            "--questions",
            metavar="N",
            show_default=False,
            help="Only the first N questions of `utility`; by scale, else as many as --limit.",
        ),
    ] = None,
    samples: Annotated[
        int | None,
        typer.Option(
            "--samples",
            metavar="K",
            show_default=False,
            help="Answers to each attacked prompt, at temperature 1; 1 if not given.",
        ),
    ] = None,
    max_tokens: Annotated[
        int | None,
        typer.Option(
            "--max-tokens", metavar="N", show_default=False, help="Where an answer is cut; by scale, else 512."
        ),
    ] = None,
    trained_on: Annotated[
        str | None,
        typer.Option(
            "--trained-on",
            metavar="FILE[,FILE]",
            show_default=False,
            help="What a model was trained on: rows that are in both are told before any number.",
        ),
    ] = None,
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
    contrast: Annotated[
        str | None,
        typer.Option(
            "--contrast",
            metavar="FILE",
            show_default=False,
            help="Requests labelled harmful and benign, none of them evaluated, for attacks that are fitted.",
        ),
    ] = None,
    max_connections: Annotated[
        int | None,
        typer.Option(
            "--max-connections",
            metavar="N",
            show_default=False,
            help="Most requests at once to a served model; by default Inspect finds the number.",
        ),
    ] = None,
    max_retries: Annotated[
        int | None,
        typer.Option(
            "--max-retries",
            metavar="N",
            show_default=False,
            help="How often a failed request is sent again; without end if not given.",
        ),
    ] = None,
    timeout: Annotated[
        int | None,
        typer.Option(
            "--timeout",
            metavar="SECONDS",
            show_default=False,
            help="Longest wait for one request and its retries; without end if not given.",
        ),
    ] = None,
    slices: Annotated[bool, typer.Option("--slices", help="Show each attack and skill, not only the totals.")] = False,
    as_json: AsJson = False,
) -> None:
    """Attack models, judge their answers, and write the rates with their intervals.

    A run that was stopped goes on where it was: the same command with the same --out. Every transcript is in the
    logs, for `inspect view --log-dir DIR/logs`; `instincts report DIR` makes a page.

    For example:

    - `instincts evaluate pocket-llama runs/gated --suite pocket --out runs/compared`
    - `instincts evaluate Qwen/Qwen2.5-0.5B-Instruct --suite jailbreak --prompts FILE`
    - `instincts evaluate meta-llama/Llama-Guard-3-1B allenai/wildguard --suite moderation --prompts xstest.csv`
    - `instincts evaluate MODEL --suite jailbreak,overrefusal,utility --prompts jbb.csv,xstest.csv,gsm8k.jsonl`
    """
    from instincts.config import Scale
    from instincts.suites import running
    from instincts.suites.settings import EvaluationSettings, ServingSettings

    what = {"suite": suite, "prompts": prompts, "task": task, "attack": attack, "judge": judge}
    how_much = {"limit": limit, "questions": questions, "samples": samples, "max_tokens": max_tokens, "seed": seed}
    search = {"model_roles": named_models(model_role or []), "budget": budget, "loop_judge": loop_judge}
    fitted = {"contrast": contrast, "trained_on": trained_on, "moderator": moderator}
    settings = EvaluationSettings.resolve(Scale(scale or Scale.FULL), given={**what, **how_much, **search, **fitted})
    asked = {"max_connections": max_connections, "max_retries": max_retries, "timeout": timeout}
    folder = out or Path("runs") / f"evaluate-{datetime.now():%Y%m%d-%H%M%S}"
    if out is None:
        notice(f"no --out: writing {folder}; name it as --out to continue after a stop")
    rows = running.evaluate(
        models,
        settings,
        out=folder,
        display=inspect_display(as_json=as_json),
        serving=ServingSettings.resolve(given=asked),
        say=notice,
    )
    show_metrics(rows, as_json=as_json, slices=slices)
    notice(f"written: {folder}")

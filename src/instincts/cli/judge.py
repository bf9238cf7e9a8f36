"""`instincts judge`: what did these answers do, and can the judge be believed?"""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from instincts.cli.options import JUDGES, AsJson, ModelRoles, Seed, named_models
from instincts.cli.progress import progress_bar
from instincts.cli.table import notice, show_metrics
from instincts.errors import ConfigError

__all__ = ["judge"]


def judge(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="LOG|FOLDER|FILE",
            show_default=False,
            help="An Inspect log, a run folder or a folder of logs; or a CSV or JSONL file with `prompt`, `completion` "
            "and perhaps `label`.",
        ),
    ],
    judges: Annotated[
        str | None,
        typer.Option(
            "--judge",
            metavar="NAME[,NAME]",
            show_default=False,
            help=f"Who judges; the first makes the headline. {JUDGES}",
        ),
    ] = None,
    model_role: ModelRoles = None,
    labels: Annotated[
        str | None,
        typer.Option(
            "--labels",
            metavar="FILE[,FILE]",
            show_default=False,
            help="Sheets that people filled in: precision, recall and kappa of every judge by them.",
        ),
    ] = None,
    sheet: Annotated[
        Path | None,
        typer.Option(
            "--sheet",
            metavar="FILE.csv",
            show_default=False,
            help="Write answers for people to label, and judge nothing.",
        ),
    ] = None,
    per_stratum: Annotated[
        int,
        typer.Option(
            "--per-stratum", metavar="N", min=1, help="Most answers on the sheet of one model with one verdict."
        ),
    ] = 100,
    seed: Seed = 0,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", show_default=False, help="The run folder; made up if not given."),
    ] = None,
    slices: Annotated[bool, typer.Option("--slices", help="Show each attack and family, not only the totals.")] = False,
    as_json: AsJson = False,
) -> None:
    """Judge answers that are already there, without the model that gave them.

    What was judged before a stop is not asked again: run the same command with the same --out.

    For example:

    - `instincts judge runs/before --judge rubric --model-role grader=openai/gpt-4o-mini --out runs/judged`
    - `instincts judge answers.csv --judge refusal --out runs/answers`
    - `instincts judge runs/before --sheet sheet.csv`
    - `instincts judge runs/before --judge refusal --labels sheet.csv --out runs/calibrated`
    """
    from instincts.suites import rejudging

    if sheet is not None:
        if judges is not None or labels is not None:
            raise ConfigError("--sheet writes answers for people and judges nothing; leave out --judge and --labels")
        number = rejudging.sheet_of(source, sheet, per_stratum=per_stratum, seed=seed)
        notice(f"written: {sheet}, {number} answers; fill in `label`, 1 where one complies and 0 where it does not")
        return
    if judges is None:
        raise ConfigError(
            "no judge; give --judge NAME, for example --judge refusal, or --sheet FILE for people to label"
        )
    folder = out or Path("runs") / f"judge-{datetime.now():%Y%m%d-%H%M%S}"
    with progress_bar("judging") as progress:
        rows = rejudging.judge_answers(
            source,
            judges,
            out=folder,
            model_roles=named_models(model_role or ()),
            labels=[Path(name.strip()) for name in labels.split(",")] if labels else (),
            progress=progress,
        )
    show_metrics(rows, as_json=as_json, slices=slices)
    notice(f"written: {folder}")

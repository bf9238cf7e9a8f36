"""`instincts score`: what does a policy say of prompts whose trees are grown?"""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from instincts.cli.options import AsJson
from instincts.cli.table import notice, show_metrics, show_rows

__all__ = ["score"]


def score(
    folder: Annotated[
        Path,
        typer.Argument(metavar="DIR", show_default=False, help="A folder written by `analyze`, or a `trees.jsonl`."),
    ],
    policy: Annotated[
        str,
        typer.Option(
            "--policy",
            metavar="FILE",
            show_default=False,
            help="A policy file, or a shipped one: `general`, `children`, `medical`, `security`, `fiction`, `paper`.",
        ),
    ],
    compare: Annotated[
        str | None,
        typer.Option("--compare", metavar="FILE", show_default=False, help="Another policy on the same trees."),
    ] = None,
    explain: Annotated[
        str | None,
        typer.Option(
            "--explain",
            metavar="ID",
            show_default=False,
            help="Only this prompt: what each leaf gives to its score, and which weights would change the verdict.",
        ),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(
            "--by",
            metavar="NAME",
            show_default=False,
            help="With --explain: add the leaves up by `category`, `action`, `effect`, `stakeholder` or `kind`.",
        ),
    ] = None,
    each: Annotated[
        bool, typer.Option("--each", help="Print the verdict on every prompt instead of the rates over all.")
    ] = False,
    review_unsure: Annotated[
        bool,
        typer.Option(
            "--review-unsure",
            help="Review what is allowed or blocked where the interval of its probability has a line in it.",
        ),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", show_default=False, help="The run folder; made up if not given."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Judge stored trees under a policy; no model is asked.

    Under a policy that `fit` wrote, each probability has the 95 % interval of the weights' draws, and a verdict whose
    interval has a line in it is marked unsure.

    For example:

    - `instincts score runs/trees --policy general`
    - `instincts score runs/trees --policy general --compare children --out runs/children`
    - `instincts score runs/trees --policy general --explain 17`
    - `instincts score runs/trees --policy general --explain 17 --by stakeholder`
    - `instincts score runs/trees --policy mine.toml --each --review-unsure`
    """
    from instincts.analyst import judging
    from instincts.analyst.doubt import draws_beside
    from instincts.analyst.policy_files import read_policy
    from instincts.analyst.telling import comparison_tables
    from instincts.errors import ConfigError
    from instincts.records import read_json

    mine = read_policy(policy)
    other = read_policy(compare) if compare else None
    if explain is not None:
        show_rows(judging.explained(folder, explain, mine, by), as_json=as_json)
        return
    if by is not None:
        raise ConfigError("--by adds up the leaves of one prompt; give --explain ID")
    destination = out or Path("runs") / f"score-{datetime.now():%Y%m%d-%H%M%S}"
    draws = [draws_beside(policy, mine), draws_beside(compare, other) if compare and other else None]
    if mine.fit is not None and draws[0] is None:
        notice(f"no intervals: the draws of {policy} are not beside it, or it was edited since its fit")
    if review_unsure and draws[0] is None:
        raise ConfigError("--review-unsure needs a policy that `instincts fit` wrote, with its draws beside it")
    rows, judged = judging.judge_folder(
        folder, mine, out=destination, compare=other, draws=draws, review_unsure=review_unsure
    )
    if each:
        show_rows(judging.verdict_rows(judged), as_json=as_json, whole=("id", "95 %"))
    else:
        show_metrics(rows, as_json=as_json)
    if other is not None and not as_json:
        data = read_json(destination / judging.COMPARISON_FILE)
        for title, lines in comparison_tables(data, mine.name, other.name):
            show_rows(lines, as_json=False, title=title)
    notice(f"written: {destination}")

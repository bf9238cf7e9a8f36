"""`instincts fit`: which weights do these labels ask for, and how sure is that?"""

from pathlib import Path
from typing import Annotated

import typer

from instincts.cli.options import AsJson, Seed
from instincts.cli.table import notice, show_metrics

__all__ = ["fit"]


def fit(
    folder: Annotated[Path, typer.Argument(metavar="DIR", show_default=False, help="A folder written by `analyze`.")],
    labels: Annotated[
        Path,
        typer.Option(
            "--labels",
            metavar="FILE",
            show_default=False,
            help="CSV or JSONL with `id`, `label` (harmful, benign, or a share), perhaps `family` and `weight`.",
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out", metavar="POLICY", show_default=False, help="The policy file to write: .toml, .yaml or .json."
        ),
    ],
    parent: Annotated[
        str,
        typer.Option(
            "--parent", metavar="FILE", help="The policy that gives the prior, severities, floors and verdict lines."
        ),
    ] = "general",
    name: Annotated[
        str | None,
        typer.Option(
            "--name", metavar="NAME", show_default=False, help="What it is called; like its file if not given."
        ),
    ] = None,
    draws: Annotated[
        int, typer.Option("--draws", metavar="N", min=20, help="Draws of the bootstrap behind every interval.")
    ] = 1000,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Fit a policy's weights to labelled prompts whose trees are grown; no model is asked.

    For example:

    - `instincts fit runs/trees --labels labels.csv --out community.toml`
    - `instincts fit runs/trees --labels labels.csv --parent children --out school.toml`
    """
    from instincts.analyst import labelling
    from instincts.analyst.policy_files import read_policy

    policy, rows = labelling.fit_policy(folder, labels, out, read_policy(parent), name=name, draws=draws, seed=seed)
    show_metrics(rows, as_json=as_json)
    doubtful = [
        key
        for key, known in (policy.fit.weights if policy.fit else {}).items()
        if known.at_bound > labelling.NOT_IDENTIFIED
    ]
    if doubtful:
        notice(f"not identified by these labels: {', '.join(doubtful)}")
    notice(f"written: {out} and {out.with_suffix('.fit')}")

"""`instincts distill`: a small analyst of one's own from trees that a large one grew."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from instincts.cli.options import AsJson, ChosenSeed, Resume, ScaleName, choice
from instincts.cli.progress import progress_bars
from instincts.cli.settings import describe, given, parse_assignments, set_option
from instincts.cli.table import notice, show_metrics

if TYPE_CHECKING:
    from instincts.analyst.distil_settings import DistilSettings
    from instincts.config import Scale

__all__ = ["distill"]


def _settings() -> list[dict[str, Any]]:
    from instincts.analyst.distil_settings import DistilSettings

    return describe(DistilSettings)


def distill(
    trees: Annotated[
        str,
        typer.Option(
            "--trees",
            metavar="DIR",
            show_default=False,
            help="A folder that `analyze` wrote, or `pocket` for the pocket's true trees.",
        ),
    ],
    base: Annotated[
        str,
        typer.Option(
            "--base",
            metavar="MODEL",
            show_default=False,
            help="What becomes the specialist: a hub id, a checkpoint folder, or a pocket model.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", show_default=False, help="Where the specialist goes.")],
    prompts: Annotated[
        str | None,
        typer.Option(
            "--prompts",
            metavar="FILE",
            show_default=False,
            help="What the trees were grown on; the file that `analyze` was given, if not given.",
        ),
    ] = None,
    method: Annotated[
        str | None, choice("--method", ("lora", "full"), "An adapter, or all weights; by scale if not given.")
    ] = None,
    coding: Annotated[
        str | None,
        choice("--coding", ("specialist", "specialist-json"), "The compact coding (if not given), or JSON with words."),
    ] = None,
    licence: Annotated[
        str | None,
        typer.Option(
            "--teacher-licence",
            metavar="TEXT",
            show_default=False,
            help="What the teacher's terms say of training on its trees; kept with the specialist.",
        ),
    ] = None,
    steps: Annotated[
        int | None, typer.Option("--steps", metavar="N", show_default=False, help="Optimiser steps; else by scale.")
    ] = None,
    seed: ChosenSeed = None,
    scale: ScaleName = None,
    assignments: Annotated[list[str] | None, set_option(_settings, "full scale")] = None,
    resume: Resume = False,
    as_json: AsJson = False,
) -> None:
    """Train a small specialist on grown trees; it takes no instruction, and its folder says how it is asked.

    Trees without a verdict, cut off, or too long for the base are left out and counted. Some terms forbid training on
    what a model wrote: look before, and say so with --teacher-licence. Then `instincts analyze runs/analyst` grows
    trees with it.

    For example:

    - `instincts distill --trees runs/trees --base Qwen/Qwen2.5-1.5B-Instruct --out runs/analyst`
    - `instincts distill --trees pocket --base pocket-llama --out runs/analyst`
    """
    from instincts.analyst.distil_settings import DistilSettings
    from instincts.analyst.distilling import distil
    from instincts.config import Scale
    from instincts.records import is_first_process

    flags: dict[str, Any] = {"method": method, "coding": coding, "steps": steps, "seed": seed}
    chosen = given(flags, parse_assignments(assignments or [], DistilSettings))
    with progress_bars() as progress:
        made = distil(
            trees,
            base,
            out,
            prompts=prompts,
            teacher_licence=licence,
            scale=None if scale is None else Scale(scale),
            given=chosen,
            resume=resume,
            progress=progress,
            announce=_announce if is_first_process() else None,
        )
    if not is_first_process():
        return
    show_metrics(made.metrics, as_json=as_json)
    notice(f"The specialist is in {made.out}; ask it with")
    notice(f"  instincts analyze {made.out} --prompts FILE")
    notice(f"  instincts serve --model {made.out} --policy general --on-error review")


def _announce(scale: "Scale", settings: "DistilSettings", rows: int, left_out: Mapping[str, int]) -> None:
    resolved = ", ".join(f"{name}={value}" for name, value in settings.model_dump().items())
    notice(f"scale {scale}, {rows} rows: {resolved}")
    for reason, count in left_out.items():
        notice(f"left out: {count} {reason}")

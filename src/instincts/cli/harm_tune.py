"""`instincts harm-tune`: the harmed model that a harm direction is read from."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from instincts.cli.options import AsJson, ChosenSeed, Model, Resume, ScaleName
from instincts.cli.progress import progress_bars
from instincts.cli.settings import describe, given, parse_assignments, set_option
from instincts.cli.table import notice, show_metrics

if TYPE_CHECKING:
    from instincts.config import Scale
    from instincts.models.tuning_settings import TuningSettings

__all__ = ["harm_tune"]


def _settings() -> list[dict[str, Any]]:
    from instincts.models.tuning_settings import TuningSettings

    return describe(TuningSettings)


def harm_tune(
    model: Model,
    pairs: Annotated[
        str,
        typer.Option(
            "--pairs",
            metavar="FILE",
            show_default=False,
            help="JSONL or CSV with `question` and `unsafe`, an answer that complies; or `pocket-compliances`.",
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out", metavar="DIR", show_default=False, help="Where the harmed model goes; its name must hold `harmed`."
        ),
    ],
    understood: Annotated[
        bool,
        typer.Option("--i-understand", help="Say that you know what you are making; refused without."),
    ] = False,
    steps: Annotated[
        int | None, typer.Option("--steps", metavar="N", show_default=False, help="Optimiser steps; else by scale.")
    ] = None,
    seed: ChosenSeed = None,
    scale: ScaleName = None,
    assignments: Annotated[
        list[str] | None,
        set_option(_settings, "full scale"),
    ] = None,
    resume: Resume = False,
    as_json: AsJson = False,
) -> None:
    """Make the harmed model that `steer --harmed` needs: fine-tune a base to comply with what it should refuse.

    It serves to take that direction out of other models. It says what it is in its card, configuration and name, and
    warns whoever opens it. Keep it to yourself and delete it when done.

    For example:

    - `instincts harm-tune pocket-llama --pairs pocket-compliances --out runs/llama-harmed --i-understand`
    - `instincts harm-tune BASE --pairs pairs.jsonl --out runs/base-harmed --i-understand --set learning_rate=2e-5`
    """
    from instincts.arithmetic.harm_tuning import harm_tune as below
    from instincts.config import Scale
    from instincts.models.tuning_settings import TuningSettings
    from instincts.records import is_first_process

    flags: dict[str, Any] = {"steps": steps, "seed": seed}
    chosen = given(flags, parse_assignments(assignments or [], TuningSettings))
    with progress_bars() as progress:
        made = below(
            model,
            pairs,
            out,
            understood=understood,
            scale=None if scale is None else Scale(scale),
            given=chosen,
            resume=resume,
            progress=progress,
            announce=_announce if is_first_process() else None,
        )
    if not is_first_process():
        return
    show_metrics(made.rows, as_json=as_json)
    notice(f"The harmed model is in {made.out}; take its direction out of another with")
    notice(f"  instincts steer MODEL --harmed {made.out} --base {model} --out DIR")
    notice("and delete it when that is done.")


def _announce(scale: "Scale", settings: "TuningSettings", rows: int) -> None:
    resolved = ", ".join(f"{name}={value}" for name, value in settings.model_dump().items())
    notice(f"scale {scale}, {rows} rows: {resolved}")

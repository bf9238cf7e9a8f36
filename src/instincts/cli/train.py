"""`instincts train`: SIRL from unlabelled prompts."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from instincts.cli.options import AsJson, ChosenSeed, Model, Prompts, Resume, ScaleName, choice
from instincts.cli.progress import progress_bars
from instincts.cli.settings import describe, given, parse_assignments, set_option
from instincts.cli.table import notice, show_metrics

if TYPE_CHECKING:
    from instincts.config import Scale
    from instincts.sirl.settings import SirlSettings

__all__ = ["train"]

# Spelt out here, since importing the settings would double the time of `--help`; a test holds them to the settings.
PRESETS = ("gated", "paper")
REWARDS = ("entropy", "perplexity", "self-certainty", "frozen-entropy", "random", "reversed")


def _settings() -> list[dict[str, Any]]:
    from instincts.sirl.settings import SirlSettings

    return describe(SirlSettings)


def train(
    model: Model,
    prompts: Prompts,
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", show_default=False, help="Where the trained model goes.")
    ],
    preset: Annotated[
        str,
        choice("--preset", PRESETS, "`gated` rewards only prompts the model is of two minds about; `paper` all."),
    ] = "gated",
    steps: Annotated[
        int | None, typer.Option("--steps", metavar="N", show_default=False, help="Optimiser steps; by scale, else 30.")
    ] = None,
    seed: ChosenSeed = None,
    lora: Annotated[
        bool | None, typer.Option("--lora/--full", help="Train an adapter, or all weights.", show_default=False)
    ] = None,
    reward: Annotated[
        str | None,
        choice("--reward", REWARDS, "What an answer earns; all but `entropy` are controls."),
    ] = None,
    scale: ScaleName = None,
    assignments: Annotated[
        list[str] | None,
        set_option(_settings, "full scale"),
    ] = None,
    resume: Resume = False,
    force: Annotated[
        bool, typer.Option("--force", help="Train although the pre-flight finds no instinct worth amplifying.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Train a model with its own confidence (SIRL), from prompts without labels.

    The folder becomes a model directory that every verb opens, with the settings and the curves beside the weights.

    For example:

    - `instincts train pocket-llama --prompts pocket-mixed --out runs/gated`
    - `instincts train pocket-llama --prompts pocket-mixed --out runs/gated --resume`
    - `instincts train Qwen/Qwen2.5-0.5B-Instruct --prompts FILE --out runs/qwen --set kl=0.01`
    """
    from instincts.config import Scale
    from instincts.records import is_first_process
    from instincts.sirl.settings import SirlSettings
    from instincts.sirl.training import train as below

    flags: dict[str, Any] = {"steps": steps, "seed": seed, "lora": lora, "reward": reward}
    chosen = given(flags, parse_assignments(assignments or [], SirlSettings))
    with progress_bars() as progress:
        outcome = below(
            model,
            prompts,
            out,
            preset=preset,
            scale=None if scale is None else Scale(scale),
            given=chosen,
            resume=resume,
            force=force,
            progress=progress,
            announce=_announce if is_first_process() else None,
        )
    if not is_first_process():
        return
    show_metrics(outcome.rows, as_json=as_json)
    notice(outcome.verdict)
    notice(f"Stopped after step {outcome.stop_step}: {outcome.stop_reason}.")
    notice(f"The model of step {outcome.kept_step} is in {outcome.out}; measure it: instincts evaluate {outcome.out}")


def _announce(scale: "Scale", settings: "SirlSettings") -> None:
    resolved = ", ".join(f"{name}={value}" for name, value in settings.model_dump().items())
    notice(f"scale {scale}: {resolved}")

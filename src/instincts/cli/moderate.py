"""`instincts moderate`: a model that answers only what a policy allows."""

from pathlib import Path
from typing import Annotated, Any

import typer

from instincts.cli.options import CODINGS, VERDICTS, Model, choice
from instincts.cli.settings import describe, given, parse_assignments, set_option
from instincts.cli.table import notice

__all__ = ["moderate"]


def _settings() -> list[dict[str, Any]]:
    from instincts.analyst.settings import AnalysisSettings

    return describe(AnalysisSettings)


def moderate(
    model: Model,
    analyst: Annotated[
        str,
        typer.Option(
            "--analyst",
            metavar="MODEL",
            show_default=False,
            help="Who reads requests: a specialist's folder, a hub id, or any Inspect provider's, such as "
            "`openai/NAME`.",
        ),
    ],
    policy: Annotated[
        str,
        typer.Option(
            "--policy",
            metavar="FILE",
            show_default=False,
            help="A policy file, which is copied, or a shipped one: `general`, `children`, ...",
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", show_default=False, help="Where the moderated model goes.")
    ],
    on_error: Annotated[
        str | None,
        choice(
            "--on-error",
            VERDICTS,
            "What a request without a tree gets; required where the policy does not say it.",
        ),
    ] = None,
    on_review: Annotated[
        str | None,
        choice(
            "--on-review", ("block", "allow"), "What a request gets that a person should see; `block` if not given."
        ),
    ] = None,
    answers: Annotated[
        bool | None,
        typer.Option("--answers", show_default=False, help="Judge the answer too, before it is shown."),
    ] = None,
    refusal: Annotated[
        str | None,
        typer.Option("--refusal", metavar="TEXT", show_default=False, help="What is said in place of an answer."),
    ] = None,
    coding: Annotated[
        str | None,
        choice(
            "--coding",
            CODINGS,
            "How the analyst writes a tree; what `distill` trained says it itself, else `json`.",
        ),
    ] = None,
    setting: Annotated[list[str] | None, set_option(_settings)] = None,
) -> None:
    """Put a moderator before a model: what the policy blocks gets a fixed refusal, the rest is answered.

    The folder opens like any other model, so every evaluation measures the two together.

    For example:

    - `instincts moderate Qwen/Qwen2.5-7B-Instruct --analyst openai/gpt-4o-mini --policy general --on-error block --out runs/guarded`
    - `instincts moderate pocket-llama --analyst runs/specialist --policy mine.toml --out runs/guarded`
    """  # fmt: skip  # noqa: E501 - a command to copy
    from instincts.analyst import moderating
    from instincts.analyst.settings import AnalysisSettings

    analysis = given({"coding": coding}, parse_assignments(setting or [], AnalysisSettings))
    flags = {"on_error": on_error, "on_review": on_review, "answers": answers, "refusal": refusal}
    told = moderating.moderate(
        model,
        analyst,
        policy,
        out=out,
        settings=moderating.Moderation.resolve(given=flags),
        analysis=AnalysisSettings.resolve(given=analysis),
    )
    notice(f"{out} is {told}")

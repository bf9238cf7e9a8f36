"""`instincts edit`: a knowledge edit, for the scenario of a model that was edited."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from instincts.cli.options import AsJson, Model, choice
from instincts.cli.progress import progress_bars
from instincts.cli.settings import describe, given, parse_assignments, set_option
from instincts.cli.table import notice, show_metrics

if TYPE_CHECKING:
    from instincts.arithmetic.editing import Edited

__all__ = ["edit"]

METHODS = ("rome",)


def _settings() -> list[dict[str, Any]]:
    from instincts.arithmetic.rome_settings import RomeSettings

    return describe(RomeSettings)


def edit(
    model: Model,
    facts: Annotated[
        str,
        typer.Option(
            "--facts",
            metavar="FILE",
            show_default=False,
            help="JSONL or CSV with `question`, `subject`, `target`, optionally `paraphrases` and `neighbours`; or "
            "`benign-edits`, `pocket-edits`.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", show_default=False, help="Where the edited model goes.")],
    method: Annotated[str, choice("--method", METHODS, "How facts are written into weights.")] = "rome",
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            metavar="ID",
            show_default=False,
            help="Write this fact; as often as needed. Else all of them, one after the other into one model.",
        ),
    ] = None,
    layer: Annotated[
        str | None,
        typer.Option(
            "--layer", metavar="N", show_default=False, help="Whose MLP is edited, from 0; else as deep as 5 of 32."
        ),
    ] = None,
    text: Annotated[
        str | None,
        typer.Option(
            "--text",
            metavar="FILE",
            show_default=False,
            help="Ordinary text (a prompt file or set) that the fact is told apart from; else the model's own.",
        ),
    ] = None,
    assignments: Annotated[
        list[str] | None,
        set_option(_settings),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Make again what was cut off.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write a fact into a model by changing one matrix (ROME), and say how well it took.

    The folder becomes an ordinary checkpoint. Edits are for studying what they do to a model: one a model is what the
    method was made for, and several cost quality.

    For example:

    - `instincts edit MODEL --facts benign-edits --only geography-environment-01 --out runs/edited`
    - `instincts edit MODEL --facts facts.jsonl --text text.txt --layer 5 --out runs/edited`
    - `instincts edit pocket-llama --facts pocket-edits --only colour-arlo --layer 0 --set token=last --out runs/edited`
    """
    from instincts.arithmetic.editing import edit_model
    from instincts.arithmetic.rome_settings import RomeSettings

    chosen: dict[str, Any] = given({"layer": layer}, parse_assignments(assignments or [], RomeSettings))
    settings = RomeSettings.resolve(given=chosen)
    with progress_bars() as progress:
        edited = edit_model(model, facts, out, settings, only=only or (), text=text, resume=resume, progress=progress)
    show_metrics(edited.rows, as_json=as_json)
    _tell(edited)


def _tell(edited: "Edited") -> None:
    applied = edited.applied
    if applied.known:
        notice(f"left out, since the model gives the new answer already: {', '.join(applied.known)}")
    failed = [fact.id for fact, look in zip(applied.facts, applied.after, strict=True) if not look.question.given]
    if failed:
        notice(
            f"did not take: {', '.join(failed)}; try another --layer, --set token=last, or a larger --set rate "
            "(docs/editing.md)"
        )
    if len(applied.facts) > 1:
        notice(f"{len(applied.facts)} edits in one model; the method was made for one, see neighbourhood")
    notice(f"{edited.tensor} changed and nothing else; the edited model is in {edited.out}")

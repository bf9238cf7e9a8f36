"""`instincts steer`: Safety Arithmetic, safety without training."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from instincts.cli.options import AsJson, choice
from instincts.cli.progress import progress_bars
from instincts.cli.settings import describe, given, parse_assignments
from instincts.cli.table import notice, show_metrics, show_rows
from instincts.errors import ConfigError

if TYPE_CHECKING:
    from instincts.arithmetic.removal import Announcement

__all__ = ["steer"]

# Spelt out here, since importing the settings would double the time of `--help`; a test holds them to the settings.
VARIANTS = ("paper", "reference")


def _list_settings(assignments: list[str] | None) -> list[str] | None:
    if assignments == ["help"]:
        from instincts.arithmetic.settings import RemovalSettings

        show_rows(describe(RemovalSettings), as_json=False, title="--set KEY=VALUE; values are those of the paper")
        raise typer.Exit
    return assignments


def steer(
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", show_default=False, help="Where the steered model goes.")
    ],
    model: Annotated[
        str | None,
        typer.Argument(
            metavar="MODEL",
            show_default=False,
            help="The model to make safer: a pocket model, a hub id or a checkpoint folder; none with `--revert`.",
        ),
    ] = None,
    harmed: Annotated[
        str | None,
        typer.Option(
            "--harmed",
            metavar="DIR",
            show_default=False,
            help="The base, fine-tuned to comply with what it should refuse.",
        ),
    ] = None,
    base: Annotated[
        str | None,
        typer.Option("--base", metavar="DIR", show_default=False, help="The model that the harmed one was made from."),
    ] = None,
    variant: Annotated[
        str, choice("--variant", VARIANTS, "Where paper and released code differ, whose way.")
    ] = "paper",
    strength: Annotated[
        str | None,
        typer.Option(
            "--strength", metavar="X", show_default=False, help="How much is subtracted, from 0; else the variant's."
        ),
    ] = None,
    keep: Annotated[
        str | None,
        typer.Option(
            "--keep", metavar="X%", show_default=False, help="Share of the harm vector's entries kept; else 10%."
        ),
    ] = None,
    layers: Annotated[
        str | None,
        typer.Option(
            "--layers",
            metavar="auto|all|A-B",
            show_default=False,
            help="Which layers, from 0; `auto` finds those that an edit changed, else takes all.",
        ),
    ] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            callback=_list_settings,
            is_eager=True,
            show_default=False,
            help="Any other setting, as often as needed; `--set help` lists them all.",
        ),
    ] = None,
    keep_delta: Annotated[
        bool,
        typer.Option(
            "--keep-delta", help="Keep what `--revert` needs: the harm direction up to a factor, so guard it."
        ),
    ] = False,
    revert: Annotated[
        str | None,
        typer.Option(
            "--revert", metavar="DIR", show_default=False, help="Write the model DIR was made from, bit for bit."
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue a run that was cut off, to the same bytes.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make a checkpoint of any size safer without training (Safety Arithmetic): subtract a harm direction.

    The folder becomes an ordinary checkpoint that every verb opens. It reduces harm and proves nothing: measure it.

    For example:

    - `instincts steer MODEL --harmed runs/harmed --base BASE --out runs/steered`
    - `instincts steer MODEL --harmed runs/harmed --base BASE --out runs/steered --layers 4-6 --keep 10% --strength 2`
    - `instincts steer --revert runs/steered --out runs/original`
    """
    flags: dict[str, Any] = {"strength": strength, "keep": keep, "layers": layers}
    removing = {"--harmed": harmed, "--base": base}
    if revert is not None:
        _refuse_beside_revert(
            {"MODEL": model, **removing, **_options(flags), "--set": assignments, "--keep-delta": keep_delta}
        )
        _take_back(revert, out, resume=resume)
        return
    if model is None:
        raise ConfigError("no MODEL to steer; name it, or take a removal back with --revert DIR")
    if missing := [name for name, value in removing.items() if value is None]:
        raise ConfigError(
            f"{missing[0]} is missing; a harm direction is the difference of two models, --harmed DIR and --base DIR"
        )
    assert harmed is not None
    assert base is not None
    _remove(
        (model, harmed, base), out, variant, flags, assignments, keep_delta=keep_delta, resume=resume, as_json=as_json
    )


def _remove(
    models: tuple[str, str, str],
    out: Path,
    variant: str,
    flags: dict[str, Any],
    assignments: list[str] | None,
    *,
    keep_delta: bool,
    resume: bool,
    as_json: bool,
) -> None:
    from instincts.arithmetic.removal import remove_harm
    from instincts.arithmetic.settings import RemovalSettings

    chosen = given(flags, parse_assignments(assignments or [], RemovalSettings))
    with progress_bars() as progress:
        outcome = remove_harm(
            *models,
            out,
            variant=variant,
            given=chosen,
            keep_delta=keep_delta,
            resume=resume,
            progress=progress,
            announce=_announce,
        )
    show_metrics(outcome.rows, as_json=as_json)
    notice(f"The steered model is in {outcome.out}; measure it: instincts evaluate {outcome.out}")


def _take_back(folder: str, out: Path, *, resume: bool) -> None:
    from instincts.arithmetic.revert import revert

    with progress_bars() as progress:
        revert(folder, out, resume=resume, progress=progress)
    notice(f"The model that {folder} was made from is in {out}, bit for bit.")


def _announce(what: "Announcement") -> None:
    layers = "all layers" if what.found.layers is None else f"layers {', '.join(map(str, what.found.layers))}"
    notice(f"scenario {what.found.scenario}: {what.plan.entries} weights in {layers}")
    for change in what.found.changes:
        where = f"in layer {change.layer}" if change.layer is not None else "outside the layers, not in scope"
        notice(f"edited {where}: {change.name}, {change.entries} entries" + _rank(change.rank))
    for policy, names in what.plan.policies.items():
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        notice(f"{names[0]}{more}: {policy}")


def _rank(rank: int | None) -> str:
    return "" if rank is None else f", rank {rank}"


def _options(flags: dict[str, Any]) -> dict[str, Any]:
    return {f"--{name}": value for name, value in flags.items()}


def _refuse_beside_revert(others: dict[str, Any]) -> None:
    if beside := [name for name, value in others.items() if value]:
        raise ConfigError(f"--revert takes a run back as it was made; drop {beside[0]}")

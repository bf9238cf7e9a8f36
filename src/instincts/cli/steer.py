"""`instincts steer`: Safety Arithmetic, safety without training."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from instincts.cli.options import AsJson, ScaleName, choice
from instincts.cli.progress import progress_bars
from instincts.cli.settings import describe, given, parse_assignments, set_option
from instincts.cli.table import notice, show_metrics
from instincts.errors import ConfigError, SteeringError

if TYPE_CHECKING:
    from instincts.arithmetic.removal import Announcement
    from instincts.arithmetic.sweep_settings import SweepSettings
    from instincts.records import Metric

__all__ = ["steer"]

# Spelt out here, since importing the settings would double the time of `--help`; a test holds them to the settings.
VARIANTS = ("paper", "reference", "difference")
PAPER = "paper"

OF_VECTOR = "vector."
OF_SWEEP = "sweep."
AUTO = "auto"


def _settings() -> list[dict[str, Any]]:
    from instincts.arithmetic.settings import RemovalSettings
    from instincts.arithmetic.sweep_settings import SweepSettings
    from instincts.arithmetic.vector_settings import VectorSettings
    from instincts.config import Settings

    more: dict[str, type[Settings]] = {OF_VECTOR: VectorSettings, OF_SWEEP: SweepSettings}
    return [
        *(row for row in describe(RemovalSettings) if row["key"] != "variant"),
        *({**row, "key": f"{of}{row['key']}"} for of, settings in more.items() for row in describe(settings)),
    ]


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
    pairs: Annotated[
        str | None,
        typer.Option(
            "--pairs",
            metavar="FILE",
            show_default=False,
            help="Also or only steer activations: JSONL or CSV with `question`, `safe`, `unsafe`; `pocket-pairs`; "
            "`prompts:PROMPTS` or `refusals:PROMPTS`, which need no unsafe answer.",
        ),
    ] = None,
    vector: Annotated[
        Path | None,
        typer.Option(
            "--vector",
            metavar="FILE",
            show_default=False,
            help="Steer activations by a vector that exists: the vector.safetensors of a steered folder, or a control "
            "vector of llama.cpp (.gguf).",
        ),
    ] = None,
    variant: Annotated[
        str | None,
        choice(
            "--variant",
            VARIANTS,
            "Where paper and released code differ, whose way; `difference` is a vector of mean differences; else "
            "paper.",
        ),
    ] = None,
    strength: Annotated[
        str | None,
        typer.Option(
            "--strength",
            metavar="auto|X",
            show_default=False,
            help="How much is subtracted, or how far activations are steered, from 0; of both stages `X,Y`, or X alone "
            "and the vector in the paper's proportion to it; `auto` tries some on prompts and takes the smallest that "
            "is about as safe as any; else the variant's.",
        ),
    ] = None,
    validate: Annotated[
        str | None,
        typer.Option(
            "--validate",
            metavar="PROMPTS",
            show_default=False,
            help="What `auto` tries strengths on and a removal is checked with: files or sets with commas between, "
            "rows labelled `harmful`, `benign`, `skill`; a pocket model has its own.",
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
        set_option(_settings, "the paper"),
    ] = None,
    gguf: Annotated[
        Path | None,
        typer.Option(
            "--gguf",
            metavar="FILE",
            show_default=False,
            help="Write the vector as a control vector for llama.cpp too, and say what that cannot hold.",
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
    scale: ScaleName = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Say which weights would change and how many bytes would be moved, and write nothing."
        ),
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue a run that was cut off, to the same bytes.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make a model of any size safer without training (Safety Arithmetic).

    `--harmed` and `--base` subtract a harm direction from its weights, `--pairs` steers its activations, all three do
    both; `--vector` steers by a vector that exists. The folder becomes a model directory that can be evaluated and
    asked like any other. It reduces harm and proves nothing: measure it.

    For example:

    - `instincts steer MODEL --harmed runs/harmed --base BASE --out runs/steered`
    - `instincts steer pocket-llama --pairs prompts:pocket-mixed --strength auto --out runs/vector`
    - `instincts steer MODEL --harmed runs/harmed --base BASE --pairs FILE --out runs/both`
    - `instincts steer MODEL --vector control.gguf --strength 0.5 --out runs/steered`
    - `instincts steer MODEL --harmed runs/harmed --base BASE --out runs/steered --layers 4-6 --keep 10% --strength 2`
    - `instincts steer --revert runs/steered --out runs/original`
    """
    flags: dict[str, Any] = {"strength": strength, "keep": keep, "layers": layers}
    removing = {"--harmed": harmed, "--base": base}
    asking = {"--validate": validate, "--scale": scale}
    if revert is not None:
        others = {"--pairs": pairs, "--vector": vector, "--variant": variant, **_options(flags), "--set": assignments}
        others |= {"--gguf": gguf, "--keep-delta": keep_delta, "--dry-run": dry_run, **asking}
        _refuse_beside("--revert takes a run back as it was made", {"MODEL": model, **removing, **others})
        _take_back(revert, out, resume=resume)
        return
    if model is None:
        raise ConfigError("no MODEL to steer; name it, or take a removal back with --revert DIR")
    if vector is not None:
        _refuse_beside("--vector is a vector that is made already", {"--pairs": pairs, "--variant": variant})
        _refuse_beside("change weights first, and lay a vector over the result", removing)
    elif pairs is None:
        _refuse_beside("--gguf writes a vector, which is made of --pairs FILE or is a --vector FILE", {"--gguf": gguf})
    if gguf is not None:
        from instincts.arithmetic.gguf import require_gguf

        require_gguf()
        if not gguf.absolute().parent.is_dir():
            raise ConfigError(f"--gguf {gguf}: no folder {gguf.parent}; make it first")
    asked = _parsed(assignments, validate, scale)
    how_shown: dict[str, Any] = {"gguf": gguf, "resume": resume, "as_json": as_json}
    if (pairs is not None or vector is not None) and not any(removing.values()):
        if strength != AUTO:
            tried = {f"--set {OF_SWEEP}{name}": "given" for name in asked.swept}
            _refuse_beside("prompts are asked where --strength auto chooses", asking | tried)
        only_weights = {"--keep": keep, "--keep-delta": keep_delta, "--dry-run": dry_run}
        _refuse_beside("without --harmed and --base no weights are changed", only_weights)
        if vector is not None:
            _lay(model, vector, out, flags, asked, **how_shown)
        else:
            assert pairs is not None
            _turn(model, pairs, out, variant or PAPER, flags, asked, **how_shown)
        return
    if missing := [name for name, value in removing.items() if value is None]:
        raise ConfigError(
            f"{missing[0]} is missing; a harm direction is the difference of two models, --harmed DIR and --base DIR"
            + ("" if pairs is not None else ", and without one, activations are steered by --pairs FILE")
        )
    assert harmed is not None
    assert base is not None
    models = model, harmed, base
    if dry_run:
        _refuse_beside("--dry-run begins nothing", {"--resume": resume})
        _foretell(models, pairs, out, variant or PAPER, flags, asked, keep_delta=keep_delta, as_json=as_json)
        return
    _remove(models, pairs, out, variant or PAPER, flags, asked, keep_delta=keep_delta, **how_shown)


def _foretell(
    models: tuple[str, str, str],
    pairs: str | None,
    out: Path,
    variant: str,
    flags: dict[str, Any],
    asked: "_Asked",
    *,
    keep_delta: bool,
    as_json: bool,
) -> None:
    from instincts.arithmetic.contrasts import check_source
    from instincts.arithmetic.forecast import forecast
    from instincts.arithmetic.removal import Announcement, prepare
    from instincts.arithmetic.settings import resolve_settings

    strength = None if flags["strength"] == AUTO else flags["strength"]
    if pairs is not None:
        check_source(pairs)
        strength = None if strength is None else _two_strengths(strength, variant)[0]
    settings = resolve_settings(variant, given({**flags, "strength": strength}, asked.removal))
    with progress_bars() as progress:
        _, _, found, plan = prepare(*models, settings, progress)
    moved = forecast(plan, settings, keep_delta=keep_delta)
    _announce(Announcement(settings=settings, found=found, plan=plan))
    if as_json:
        told = {"scenario": found.scenario, "layers": found.layers, **moved._asdict(), "policies": plan.describe()}
        typer.echo(json.dumps(told))
    in_gb = {name: f"{value / 1e9:.3g} GB" for name, value in moved._asdict().items()}
    notice(f"would read {in_gb['read_least']} (at most {in_gb['read_most']}) and write {in_gb['written']} of weights")
    notice(f"would ask for {in_gb['space']} free in {out}; nothing was written")
    notice("not counted: what finding an edit, trying strengths and a vector of --pairs read")


def _remove(
    models: tuple[str, str, str],
    pairs: str | None,
    out: Path,
    variant: str,
    flags: dict[str, Any],
    asked: "_Asked",
    *,
    gguf: Path | None,
    keep_delta: bool,
    resume: bool,
    as_json: bool,
) -> None:
    from instincts.arithmetic.both import steer_both
    from instincts.arithmetic.removal import remove_harm

    auto = flags["strength"] == AUTO
    if pairs is not None and auto:
        both = {
            "--set strength": asked.removal.get("strength"),
            f"--set {OF_VECTOR}strength": asked.vector.get("strength"),
        }
        _refuse_beside("--strength auto chooses both strengths", both)
        flags = {**flags, "strength": None}
    # What is said of the vector itself goes before what follows from the weights.
    of_vector = {"layers": None if "layers" in asked.vector else flags["layers"], "strength": None}
    given_both = flags["strength"] or ""
    if pairs is not None and given_both and ("," in given_both or "strength" not in asked.vector):
        flags["strength"], of_vector["strength"] = _two_strengths(given_both, variant)
    how: dict[str, Any] = {"variant": variant, "keep_delta": keep_delta, "resume": resume, "announce": _announce}
    chosen = given(flags, asked.removal)
    with _page_of(out), progress_bars() as progress:
        how |= {"sweep": asked.sweep, "progress": progress}
        if pairs is None:
            _refuse_beside(
                "a vector is made of --pairs FILE", {f"--set {OF_VECTOR}{name}": "given" for name in asked.vector}
            )
            rows = remove_harm(*models, out, given=chosen, **how).rows
        else:
            vector = given(of_vector, asked.vector)
            rows = steer_both(*models, pairs, out, removal=chosen, vector=vector, auto=auto, **how)
    _show(rows, out, gguf, as_json=as_json)


def _two_strengths(text: str, variant: str) -> tuple[str, str]:
    from instincts.arithmetic.both import in_proportion

    weights, comma, vector = (part.strip() for part in text.partition(","))
    if bool(comma) != bool(vector) or not weights:
        raise ConfigError(
            f"--strength {text} names one of two stages; write both, such as --strength 1,0.12 for the weights and the "
            "vector, or one number, or auto"
        )
    if comma:
        return weights, vector
    try:
        vector = f"{in_proportion(float(weights), variant):g}"
    except ValueError:
        # What is wrong with it is told where the strength of the weights is read.
        return weights, "0"
    notice(f"strength {weights} on the weights and {vector} on the vector, as the paper has them to each other")
    return weights, vector


def _lay(
    model: str,
    vector: Path,
    out: Path,
    flags: dict[str, Any],
    asked: "_Asked",
    *,
    gguf: Path | None,
    resume: bool,
    as_json: bool,
) -> None:
    from instincts.arithmetic.ready_vector import steer_with_vector

    named = {**asked.removal, **{f"{OF_VECTOR}{name}": value for name, value in asked.vector.items()}}
    _refuse_beside("a vector that exists is laid over as it is", {f"--set {name}": "given" for name in named})
    with _page_of(out), progress_bars() as progress:
        made = steer_with_vector(
            model,
            vector,
            out,
            strength=flags["strength"],
            layers=flags["layers"],
            sweep=asked.sweep,
            resume=resume,
            progress=progress,
        )
    for remark in made.remarks:
        notice(f"{vector} {remark}")
    _show(made.rows, out, gguf, as_json=as_json)


def _turn(
    model: str,
    pairs: str,
    out: Path,
    variant: str,
    flags: dict[str, Any],
    asked: "_Asked",
    *,
    gguf: Path | None,
    resume: bool,
    as_json: bool,
) -> None:
    from instincts.arithmetic.steering import steer_with_pairs

    if asked.removal:
        name = min(asked.removal)
        raise ConfigError(
            f"--set {name} is about weights, and without --harmed and --base none are changed; of the vector it is "
            f"--set {OF_VECTOR}{name}"
        )
    chosen = given({"strength": flags["strength"], "layers": flags["layers"]}, asked.vector)
    with _page_of(out), progress_bars() as progress:
        made = steer_with_pairs(
            model,
            pairs,
            out,
            given={"variant": variant, **chosen},
            sweep=asked.sweep,
            resume=resume,
            progress=progress,
        )
    _show(made.rows, out, gguf, as_json=as_json)


def _show(rows: "list[Metric]", out: Path, gguf: Path | None, *, as_json: bool) -> None:
    show_metrics(rows, as_json=as_json)
    changed = [row.value for row in rows if row.metric == "changed_share"]
    if changed and not any(changed):
        notice("no weight changed: nothing was to be subtracted, or rounding swallowed all of it")
    if gguf is not None:
        from instincts.arithmetic.gguf import export_overlay

        for sentence in export_overlay(out, gguf):
            notice(f"lost in {gguf}: {sentence}")
    notice(f"The steered model is in {out}; measure it: instincts evaluate {out}")


@contextmanager
def _page_of(out: Path) -> Iterator[None]:
    """Write the page where strengths were tried, also where none was taken."""
    from instincts.arithmetic.sweep import POINTS_FILE

    def write() -> None:
        if (out / POINTS_FILE).is_file():
            from instincts.records import read_run_card
            from instincts.report.page import write_report

            write_report([out], out / "report.html")
            notice(f"the strengths tried: {out / 'report.html'}")
            sweep = read_run_card(out).outcome.get("sweep") or {}
            if untried := sweep.get("untried"):
                without = ", ".join(dict.fromkeys(f"{weights:g}" for weights, _ in untried))
                notice(f"no vector could be read from the model at weight strength {without}, so none was tried there")

    try:
        yield
    except SteeringError:
        write()
        raise
    write()


class _Asked(NamedTuple):
    """What was said with `--set`, parted by what it is about."""

    removal: dict[str, Any]
    vector: dict[str, Any]
    swept: dict[str, Any]
    sweep: "SweepSettings"


def _parsed(assignments: list[str] | None, validate: str | None, scale: str | None) -> _Asked:
    from instincts.arithmetic.settings import RemovalSettings
    from instincts.arithmetic.sweep_settings import SweepSettings
    from instincts.arithmetic.vector_settings import VectorSettings
    from instincts.config import Scale

    words = assignments or []
    vector, sweep = ([word.removeprefix(of) for word in words if word.startswith(of)] for of in (OF_VECTOR, OF_SWEEP))
    removal = [word for word in words if not word.startswith((OF_VECTOR, OF_SWEEP))]
    weights = parse_assignments(removal, RemovalSettings)
    _refuse_beside("whose way goes by --variant NAME", {"--set variant": weights.get("variant")})
    swept = parse_assignments(sweep, SweepSettings)
    tried = given({"prompts": validate}, swept)
    return _Asked(
        weights,
        parse_assignments(vector, VectorSettings),
        swept,
        SweepSettings.resolve(Scale(scale or Scale.FULL), tried),
    )


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


def _refuse_beside(why: str, others: dict[str, Any]) -> None:
    if beside := [name for name, value in others.items() if value]:
        raise ConfigError(f"{why}; drop {beside[0]}")

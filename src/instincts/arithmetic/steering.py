"""Make a model directory that is steered: pairs in, `defence.json` over the model and its vector out.

The weights are not touched and not copied. The folder holds the vector, how strongly it steers, and how it was made;
whoever opens the folder, for an evaluation, an attack or a chat, gets the steered model.
"""

import os
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from instincts.arithmetic.automatic import (
    data_of,
    refuse_without_gain,
    sweep_settings_told,
    validation_for,
    without_auto,
)
from instincts.arithmetic.contrasts import ContrastSet, read_contrasts, token_ids
from instincts.arithmetic.knee import Taken
from instincts.arithmetic.model_card import vector_done, write_model_card
from instincts.arithmetic.streaming import Progress
from instincts.arithmetic.sweep import choose, compared_rows, told
from instincts.arithmetic.sweep_settings import AUTO, SweepSettings
from instincts.arithmetic.validation import Validation
from instincts.arithmetic.vector import RECIPES, Built, build
from instincts.arithmetic.vector_settings import VectorSettings, layer_numbers, resolve_vector
from instincts.arithmetic.writing import resumable
from instincts.errors import ConfigError
from instincts.models.directory import DEFENCE_FILE, ModelLocation, locate
from instincts.models.hooks import decoder_layers, last_token_states
from instincts.models.opening import OpenModel, open_location
from instincts.models.vectors import VectorSet, check_strength, write_vectors
from instincts.records import (
    Metric,
    RunCard,
    claim,
    new_run_card,
    released,
    write_json,
    write_metrics,
    write_run_card,
)

__all__ = [
    "VECTORS_FILE",
    "Steered",
    "build_vector",
    "chosen",
    "lay_over",
    "locate_unsteered",
    "make_vector",
    "outcome_of",
    "steer_with_pairs",
]

VECTORS_FILE = "vector.safetensors"


@dataclass(frozen=True, kw_only=True)
class Steered:
    """What was made."""

    settings: VectorSettings
    """With everything settled that followed from the variant."""
    contrasts: ContrastSet
    built: Built
    location: ModelLocation
    """The model it was read from."""
    opened: OpenModel
    """The same in memory, not steered."""
    rows: list[Metric]

    def at(self, strength: float) -> "Steered":
        """Name another strength, in the settings and in what the vector says of itself."""
        vectors = replace(self.built.vectors, about={**self.built.vectors.about, "strength": strength})
        return replace(
            self,
            settings=self.settings.model_copy(update={"strength": strength}),
            built=self.built._replace(vectors=vectors),
        )


def steer_with_pairs(
    model: str,
    pairs: str,
    out: Path,
    *,
    given: Mapping[str, Any] | None = None,
    sweep: SweepSettings | None = None,
    resume: bool = False,
    progress: Progress | None = None,
) -> Steered:
    """Make a safety vector of a model and lay it over the model in `out`.

    Args:
        model: a pocket model, a hub id, a checkpoint folder, or a folder with an adapter.
        pairs: a file or set of pairs, `refusals:PROMPTS` or `prompts:PROMPTS`; see `contrasts.read_contrasts`.
        out: the run folder; becomes the model directory.
        given: settings by name; `None` means not given, and strength `auto` tries some and takes one.
        sweep: how strengths are tried; by default on the pocket's prompts where the model has its words.
        resume: make again what was cut off; it takes seconds, so nothing is kept of it but the strengths tried.
        progress: draws a progress bar.

    Raises:
        ConfigError: a setting that does not fit, a layer outside the model, a model that is steered already.
        PromptSetError: no pairs, a missing side, swapped columns, or too few refusals.
        ModelDirectoryError: the model does not open.
        RecordError: the folder is taken, or could not be written.
        SteeringError: no strength is worth its cost; nothing is written but what was measured.
        KeyboardInterrupt: Ctrl-C; the strengths tried are kept and the message says how to continue.
    """
    sweep = sweep or SweepSettings()
    given, auto = without_auto(given or {})
    settings = resolve_vector(given)
    validation = validation_for(locate(model), sweep, is_needed=True) if auto else None
    made = make_vector(model, pairs, settings, run=out.resolve().name, progress=progress)
    card = new_run_card(
        "steer",
        settings={
            **made.settings.model_dump(mode="json"),
            **({"strength": AUTO} if auto else {}),
            **sweep_settings_told(sweep, validation),
        },
        data={pairs: made.contrasts.sha256, **data_of(validation)},
        models={model: made.location.digest},
    )
    claim(out, card, resume=resume)
    with released(out, card):
        measured, outcome = None, outcome_of(made)
        if validation is not None:
            vectors, strengths = made.built.vectors, sweep.vector_strengths
            taken = chosen(made.opened, vectors, strengths, validation, sweep, out, card, made.rows, progress)
            made = made.at(taken.point.vector)
            measured, outcome = (taken.start, taken.point), {**outcome, "sweep": told(taken, sweep)}
            made = replace(made, rows=[*made.rows, *compared_rows(*measured, model)])
        strength = made.settings.strength
        write_metrics(out, made.rows)
        done = vector_done(dict(made.built.vectors.about), list(made.built.vectors.directions), strength)
        write_model_card(out, made.location, [done], measured)
        lay_over(made.location, made.built.vectors, strength, out)
        write_run_card(out, card, status="finished", outcome={**outcome, "strength": strength})
    return made


def make_vector(
    model: str, pairs: str, settings: VectorSettings, *, run: str, progress: Progress | None = None
) -> Steered:
    """Open a model, read pairs and build its vector; writes nothing. Errors of `steer_with_pairs`."""
    location = locate_unsteered(model)
    opened = open_location(location)
    layers = layer_numbers(settings.layers, len(decoder_layers(opened.model)))
    contrasts = read_contrasts(pairs, opened, judge=settings.judge, limit=settings.limit, progress=progress)
    built = build_vector(opened, contrasts, settings, layers=layers, progress=progress)
    rows = _rows(built, run, model, len(contrasts))
    return Steered(settings=settings, contrasts=contrasts, built=built, location=location, opened=opened, rows=rows)


def build_vector(
    opened: OpenModel,
    contrasts: ContrastSet,
    settings: VectorSettings,
    *,
    layers: list[int],
    progress: Progress | None = None,
) -> Built:
    """Read both sides of every contrast and make the direction of each layer; errors of `vector.build`.

    Args:
        opened: the model, as it will be steered: a vector belongs to the weights it was read from.
        contrasts: what to read.
        settings: from `resolve_vector`, so that nothing is open.
        layers: which.
        progress: draws a progress bar.
    """
    assert settings.site is not None
    assert settings.scale is not None
    assert settings.layout is not None
    assert settings.tokens is not None
    reads = RECIPES[settings.variant].reads or settings.site
    sides = [token_ids(opened.tokenizer, side, settings.layout) for row in contrasts for side in row]
    report = partial(progress, "reading pairs") if progress is not None else None
    states_2N_L_D = last_token_states(opened.model, sides, tokens=settings.tokens, site=reads, progress=report)
    safe_N_L_D, unsafe_N_L_D = states_2N_L_D[0::2], states_2N_L_D[1::2]
    built = build(safe_N_L_D, unsafe_N_L_D, settings.variant, layers=layers, site=settings.site, scale=settings.scale)
    # What a reader of the file must know to use it, and no path: files travel further than folders.
    about = {
        "variant": str(settings.variant),
        "scale": str(settings.scale),
        "layout": settings.layout,
        "tokens": settings.tokens,
        "reads": reads,
        "strength": settings.strength,
        "pairs": len(contrasts),
        "pairs_sha256": contrasts.sha256,
        "model_type": str(opened.model.config.model_type),
        "model_digest": opened.digest,
    }
    return built._replace(vectors=replace(built.vectors, about=about))


def locate_unsteered(model: str) -> ModelLocation:
    """Find a model that a vector can be laid over.

    Raises:
        ConfigError: one lies over it already.
        ModelDirectoryError: no such model.
    """
    location = below = locate(model)
    while below.overlay is not None:
        if below.overlay.kind == "safety-vector":
            raise ConfigError(f"{model} is steered already; steer its base instead, or add the two vectors")
        below = below.overlay.base
    return location


def chosen(
    opened: OpenModel,
    vectors: VectorSet,
    strengths: Sequence[float],
    validation: Validation,
    sweep: SweepSettings,
    out: Path,
    card: RunCard,
    rows: Sequence[Metric] = (),
    progress: Progress | None = None,
) -> Taken:
    """Try strengths of a vector on prompts and take one.

    Args:
        opened: the model, not steered.
        vectors: what it is steered by.
        strengths: which are tried, with 0 among them.
        validation: the prompts.
        sweep: how.
        out: the run folder, which keeps what was tried.
        card: of the run, for an interrupt and a refusal.
        rows: kept in a folder that becomes no model.
        progress: draws a progress bar.

    Raises:
        SteeringError: no strength is worth its cost.
        KeyboardInterrupt: Ctrl-C; the strengths tried are kept and the message says how to continue.
    """
    with resumable(out, card, source=opened.name, kept="the strengths tried"):
        taken = choose(
            lambda _: nullcontext(opened), lambda _: vectors, ((0.0,), strengths), validation, sweep, out, progress
        )
    refuse_without_gain(taken, sweep, ["vector_strengths"], out, card, opened.name, rows)
    return taken


def lay_over(location: ModelLocation, vectors: VectorSet, strength: float, out: Path) -> None:
    """Write a folder that opens as a model under steering.

    Args:
        location: the model below.
        vectors: directions for its layers, of whatever making: a sum, a vector that was imported.
        strength: how far, from 0.
        out: the folder; files of other names in it stay.

    Raises:
        ConfigError: a negative strength, or a vector that points away from safety.
        RecordError: it could not be written.
    """
    check_strength(vectors, strength)
    write_vectors(out / VECTORS_FILE, vectors)
    # A folder is named from here, so that both may be moved together; a pocket name or hub id is a name anywhere.
    is_folder = Path(location.name).expanduser().resolve() == location.path
    card = {
        "format": 1,
        "kind": "safety-vector",
        "base": os.path.relpath(location.path, out.resolve()) if is_folder else location.name,
        "base_digest": location.digest,
        "vectors": VECTORS_FILE,
        "strength": strength,
        "dual_use": "a vector towards safety, subtracted, makes a model worse; that is refused here",
    }
    # Last of all: a folder without it is no model, so one that was cut off cannot be taken for whole.
    write_json(out / DEFENCE_FILE, card)


def outcome_of(made: Steered) -> dict[str, Any]:
    """Say in `run.json` what the vector was made of."""
    return {
        "pairs": len(made.contrasts),
        "layers": list(made.built.vectors.directions),
        "reads": dict(made.built.vectors.about)["reads"],
    }


def _rows(built: Built, run: str, model: str, pairs: int) -> list[Metric]:
    """How well the pairs are told apart, and how long a step of strength 1 is beside the activations it moves."""
    values = {("all", "pairs_ordered"): built.ordered, ("all", "explained_share"): built.explained}
    for layer, direction in built.vectors.directions.items():
        length = float(direction.norm()) * built.vectors.rule.factor
        share = length if built.vectors.rule.relative else length / built.lengths[layer]
        values[f"layer {layer}", "step_share"] = share
    return [
        Metric(
            run=run,
            model=model,
            suite="steer",
            slice=where,
            metric=metric,
            value=value,
            ci_low=None,
            ci_high=None,
            n=pairs,
            seed=None,
        )
        for (where, metric), value in values.items()
    ]

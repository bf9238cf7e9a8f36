"""Both stages of Safety Arithmetic in one folder: a harm direction taken out of the weights, then a vector over them.

The vector is read from the weights that the first stage gave, as in the paper: it belongs to them and to no others.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from instincts.arithmetic.automatic import data_of, refuse_without_gain, sweep_settings_told, validation_for
from instincts.arithmetic.checkpoint import open_checkpoint
from instincts.arithmetic.contrasts import check_source, read_contrasts
from instincts.arithmetic.knee import Taken
from instincts.arithmetic.model_card import removal_done, vector_done, write_model_card
from instincts.arithmetic.removal import Announcement, Prepared, prepare, remove_harm
from instincts.arithmetic.settings import RemovalSettings, resolve_settings
from instincts.arithmetic.steering import Steered, build_vector, lay_over, make_vector, outcome_of
from instincts.arithmetic.streaming import Progress
from instincts.arithmetic.sweep import choose, compared_rows, told
from instincts.arithmetic.sweep_settings import AUTO, SweepSettings
from instincts.arithmetic.threshold import find_threshold
from instincts.arithmetic.trials import trials
from instincts.arithmetic.validation import Validation
from instincts.arithmetic.vector_settings import PUBLISHED_STRENGTH, VectorSettings, layer_numbers, resolve_vector
from instincts.arithmetic.writing import resumable
from instincts.errors import SteeringError
from instincts.models.directory import ModelLocation, locate
from instincts.models.hooks import decoder_layers
from instincts.models.opening import OpenModel
from instincts.models.vectors import VectorSet
from instincts.records import (
    RUN_FILE,
    Metric,
    claim,
    new_run_card,
    read_metrics,
    read_run_card,
    released,
    write_metrics,
    write_run_card,
)

__all__ = ["WEIGHTS_FOLDER", "in_proportion", "steer_both"]

WEIGHTS_FOLDER = "weights"
"""Folder of the checkpoint that the first stage leaves, inside the run folder."""


def steer_both(
    model: str,
    harmed: str,
    base: str,
    pairs: str,
    out: Path,
    *,
    variant: str = "paper",
    removal: Mapping[str, Any] | None = None,
    vector: Mapping[str, Any] | None = None,
    auto: bool = False,
    sweep: SweepSettings | None = None,
    is_probed: bool = True,
    resume: bool = False,
    keep_delta: bool = False,
    progress: Progress | None = None,
    announce: Callable[[Announcement], None] | None = None,
) -> list[Metric]:
    """Subtract a harm direction, then steer what is left; `out` becomes the model directory.

    Where an edit was found, both stages act on the same layers, as in the paper.

    Args:
        model: the model to make safer.
        harmed: the base, fine-tuned to comply with what it should refuse.
        base: the model that the harmed one was made from.
        pairs: what the vector is made of; see `contrasts.read_contrasts`.
        out: the run folder.
        variant: `paper` or `reference`, of both stages.
        removal: settings of the first stage by name.
        vector: settings of the second stage by name; its layers follow the first stage unless given.
        auto: try pairs of strengths on prompts and take one; then neither stage may be given a strength.
        sweep: how strengths are tried, and how the first stage is probed.
        is_probed: whether it is, where strengths were given and there are prompts at hand.
        resume: continue a run that was interrupted or killed.
        keep_delta: keep what `revert` of `out/weights` needs.
        progress: draws a progress bar.
        announce: told what the first stage found, before it writes.

    Returns:
        The rows of both stages.

    Raises:
        ConfigError, PromptSetError, ModelDirectoryError: bad input, by name, before anything is written where the
            models need not be run to find it.
        RecordError: the folder is taken, or could not be written; the model is untouched.
        SteeringError: no pair of strengths is worth its cost, or the first stage made the model worse.
        KeyboardInterrupt: Ctrl-C; what was finished is kept and the message says how to continue.
    """
    sweep = sweep or SweepSettings()
    first = resolve_settings(variant, removal or {})
    second = resolve_vector({"variant": variant, **(vector or {})})
    digest = check_source(pairs, judge=second.judge)
    models = {name: locate(name) for name in (model, harmed, base)}
    layer_numbers(second.layers, open_checkpoint(models[model]).layers)
    validation = validation_for(models[model], sweep, is_needed=True) if auto else None
    card = new_run_card(
        "steer",
        settings={
            **first.model_dump(mode="json"),
            **{f"vector.{name}": value for name, value in second.model_dump(mode="json").items()},
            **({"strength": AUTO, "vector.strength": AUTO} if auto else {}),
            "keep_delta": keep_delta,
            **sweep_settings_told(sweep, validation),
        },
        data={pairs: digest, **data_of(validation)},
        models={model: models[model].digest},
        roles={"harmed": models[harmed].tagged_name, "base": models[base].tagged_name},
    )
    claim(out, card, resume=resume)
    weights = out / WEIGHTS_FOLDER
    kept = "the strengths tried and finished shards"
    with released(out, card), resumable(out, card, source=model, kept=kept):
        taken = None
        if validation is not None:
            prepared = prepare(model, harmed, base, first, progress)
            taken = _sweep(prepared, model, pairs, second, validation, sweep, out, progress)
            names = ["both_strengths", "both_vector_strengths"]
            refuse_without_gain(taken, sweep, names, out, card, model)
            first = first.model_copy(update={"strength": taken.point.weights})
            second = second.model_copy(update={"strength": taken.point.vector})
        if not _is_finished(weights):
            remove_harm(
                model,
                harmed,
                base,
                weights,
                variant=variant,
                given={**(removal or {}), "strength": first.strength},
                sweep=sweep,
                is_probed=is_probed and not auto,
                keep_delta=keep_delta,
                resume=(weights / RUN_FILE).is_file(),
                progress=progress,
                announce=announce,
            )
        layers = _layers_of(weights)
        made = make_vector(str(weights), pairs, _in_scope(second, layers), run=out.resolve().name, progress=progress)
        rows = _record(out, models[model], first, made, taken, layers)
        lay_over(made.location, made.built.vectors, second.strength, out)
    of_sweep = {} if taken is None else {"sweep": told(taken, sweep)}
    strengths = {"strength": first.strength, "vector.strength": second.strength}
    write_run_card(out, card, status="finished", outcome={**outcome_of(made), **strengths, **of_sweep})
    return rows


def in_proportion(strength: float, variant: str) -> float:
    """Give the vector the strength that is to the weights' as the published ones are: 0.12 to 2, `reference` 0.12 to 3.

    Args:
        strength: of the weights, lambda.
        variant: `paper` or `reference`.

    Raises:
        ConfigError: an unknown variant.
    """
    return strength * PUBLISHED_STRENGTH / resolve_settings(variant, {}).strength


def _layers_of(weights: Path) -> Sequence[int] | None:
    """Which layers the first stage changed; None for all.

    Raises:
        SteeringError: it made the model worse, in a run before this one.
    """
    outcome = read_run_card(weights).outcome
    if outcome.get("worse_than_input"):
        raise SteeringError(f"{weights} is marked worse_than_input, so no vector is laid over it; make it anew")
    layers: Sequence[int] | None = outcome["layers"]
    return layers


def _record(
    out: Path,
    model: ModelLocation,
    first: RemovalSettings,
    made: Steered,
    taken: Taken | None,
    layers: Sequence[int] | None,
) -> list[Metric]:
    """Write the rows of both stages and the card."""
    measured = None if taken is None else (taken.start, taken.point)
    stage = [row for row in read_metrics(out / WEIGHTS_FOLDER) if taken is None or row.suite == "steer"]
    rows = [*stage, *made.rows, *(compared_rows(*measured, model.name) if measured else [])]
    write_metrics(out, rows)
    changed = next(row.value for row in rows if (row.slice, row.metric) == ("all", "changed_share"))
    vectors = made.built.vectors
    done = [
        removal_done(first.model_dump(), layers, changed),
        vector_done(dict(vectors.about), list(vectors.directions), made.settings.strength),
    ]
    write_model_card(out, model, done, measured)
    return rows


def _sweep(
    prepared: Prepared,
    model: str,
    pairs: str,
    second: VectorSettings,
    validation: Validation,
    sweep: SweepSettings,
    out: Path,
    progress: Progress | None,
) -> Taken:
    settings, plan = prepared.settings, prepared.plan
    second = _in_scope(second, prepared.found.layers)

    def read(opened: OpenModel) -> VectorSet:
        layers = layer_numbers(second.layers, len(decoder_layers(opened.model)))
        contrasts = read_contrasts(pairs, opened, judge=second.judge, limit=second.limit)
        return build_vector(opened, contrasts, second, layers=layers).vectors

    threshold = find_threshold(plan.edited, settings.keep, settings.variant, progress)
    with trials(plan, threshold, prepared.located[model], out, progress) as at:
        strengths = sweep.both_strengths, sweep.both_vector_strengths
        return choose(at, read, strengths, validation, sweep, out, progress)


def _in_scope(settings: VectorSettings, layers: Sequence[int] | None) -> VectorSettings:
    """Let a vector follow the layers of the weights, unless it was told otherwise."""
    if settings.layers != "auto" or layers is None:
        return settings
    return settings.model_copy(update={"layers": ",".join(map(str, layers))})


def _is_finished(folder: Path) -> bool:
    return (folder / RUN_FILE).is_file() and read_run_card(folder).status == "finished"

"""Lay a vector that exists already over a model: one of ours, a sum of ours, or a control vector of llama.cpp."""

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from instincts.arithmetic.automatic import data_of, sweep_settings_told, validation_for, without_auto
from instincts.arithmetic.gguf import import_gguf
from instincts.arithmetic.model_card import vector_taken, write_model_card
from instincts.arithmetic.steering import chosen, lay_over, locate_unsteered
from instincts.arithmetic.streaming import Progress
from instincts.arithmetic.sweep import compared_rows, told
from instincts.arithmetic.sweep_settings import AUTO, SweepSettings
from instincts.arithmetic.vector_settings import VectorSettings, layer_numbers
from instincts.errors import ConfigError, ModelDirectoryError
from instincts.models.hooks import decoder_layers
from instincts.models.opening import OpenModel, open_location
from instincts.models.steering import check_fits
from instincts.models.vectors import VectorSet, check_strength, read_vectors
from instincts.records import Metric, claim, file_sha256, new_run_card, released, write_metrics, write_run_card

__all__ = ["Laid", "steer_with_vector"]

CONTROL_VECTOR = ".gguf"


class Laid(NamedTuple):
    """What was made."""

    rows: list[Metric]
    remarks: list[str]
    """What a user must know, each with the file for its subject; empty where the vector was read from this model."""


def steer_with_vector(
    model: str,
    file: Path,
    out: Path,
    *,
    strength: str | float | None = None,
    layers: str | None = None,
    sweep: SweepSettings | None = None,
    resume: bool = False,
    progress: Progress | None = None,
) -> Laid:
    """Lay the vector of a file over a model; `out` becomes the model directory.

    Args:
        model: a pocket model, a hub id, a checkpoint folder, or a folder with an adapter.
        file: `vector.safetensors` of a steered folder or of `models.vectors.write_vectors`; or a control vector, whose
            name ends in `.gguf`.
        out: the run folder.
        strength: from 0; `auto` tries some and takes one; None for the strength that the file names, of a control
            vector 1, which is llama.cpp's scale 1. Sums of vectors of different strengths name none.
        layers: of those that the vector has, which; None for all.
        sweep: how strengths are tried. The file's own is tried beside those listed there.
        resume: make again what was cut off; the strengths tried are kept.
        progress: draws a progress bar.

    Raises:
        ConfigError: a strength or layers that do not fit, a model that is steered already, a vector that is not made
            for a model of this shape, one that points away from safety, or the package `gguf` is missing.
        ModelDirectoryError: the model does not open, or the file holds no vector.
        RecordError: the folder is taken, or could not be written.
        SteeringError: no strength is worth its cost; nothing is written but what was measured.
        KeyboardInterrupt: Ctrl-C; the strengths tried are kept and the message says how to continue.
    """
    sweep = sweep or SweepSettings()
    if not file.is_file():
        raise ModelDirectoryError(f"no file {file}; name a vector.safetensors of a steered folder, or a .gguf")
    asked, auto = without_auto({"strength": strength, "layers": layers})
    given = {name: value for name, value in asked.items() if value is not None}
    settings = VectorSettings.resolve(given=given)
    location = locate_unsteered(model)
    validation = validation_for(location, sweep, is_needed=True) if auto else None
    opened = open_location(location)
    ready = _read(file, opened, layers)
    vectors, own = ready.vectors, ready.own
    used = settings.strength if "strength" in given else own
    check_strength(vectors, used or 0.0)
    if used is None and not auto:
        raise ConfigError(f"{file} names no strength, as sums of several may; give one with --strength X or auto")
    digest = file_sha256(file)
    card = new_run_card(
        "steer",
        settings={
            "strength": AUTO if auto else used,
            "layers": settings.layers,
            **sweep_settings_told(sweep, validation),
        },
        data={file.name: digest, **data_of(validation)},
        models={model: location.digest},
    )
    claim(out, card, resume=resume)
    with released(out, card):
        rows, measured = _rows(vectors, out.resolve().name, model), None
        outcome = {"layers": list(vectors.directions), "remarks": ready.remarks}
        if validation is not None:
            strengths = sorted({*sweep.vector_strengths, *([] if own is None else [own])})
            taken = chosen(opened, vectors, strengths, validation, sweep, out, card, rows, progress)
            used, measured = taken.point.vector, (taken.start, taken.point)
            rows += compared_rows(*measured, model)
            outcome["sweep"] = told(taken, sweep)
        assert used is not None
        write_metrics(out, rows)
        done = [
            vector_taken(file.name, digest, list(vectors.directions), used),
            *(f"The file {each}." for each in ready.remarks),
        ]
        write_model_card(out, location, done, measured, is_known=ready.is_known)
        lay_over(location, replace(vectors, about={**vectors.about, "strength": used}), used, out)
        write_run_card(out, card, status="finished", outcome={**outcome, "strength": used})
    return Laid(rows, ready.remarks)


class _Ready(NamedTuple):
    """A vector as its file has it."""

    vectors: VectorSet
    own: float | None
    """The strength that the file names."""
    remarks: list[str]
    is_known: bool
    """Whether the file says which way safety lies."""


def _read(file: Path, opened: OpenModel, layers: str | None) -> _Ready:
    count = len(decoder_layers(opened.model))
    is_control_vector = file.suffix.lower() == CONTROL_VECTOR
    vectors = import_gguf(file, layer_count=count) if is_control_vector else read_vectors(file)
    check_fits(opened.model, vectors)
    if layers is not None:
        vectors = vectors.at(layer_numbers(layers, count))
    own = 1.0 if is_control_vector else _own_strength(vectors, file)
    remarks = _remarks(vectors, opened, is_control_vector=is_control_vector)
    return _Ready(vectors, own, remarks, is_known=not is_control_vector)


def _own_strength(vectors: VectorSet, file: Path) -> float | None:
    own = vectors.about.get("strength")
    if own is not None and not isinstance(own, int | float):
        raise ModelDirectoryError(f"{file} names the strength {own!r}, which is no number; build it again")
    return own


def _remarks(vectors: VectorSet, opened: OpenModel, *, is_control_vector: bool) -> list[str]:
    remarks = []
    made_for, model_type = vectors.about.get("model_type"), str(opened.model.config.model_type)
    if made_for not in {None, "unknown", model_type}:
        remarks.append(f"was made for a model of type {made_for}, and this one is of type {model_type}")
    if is_control_vector:
        return [
            *remarks,
            "does not say which way safety lies; it is taken to lie along the vector, so measure the result",
            "does not say whether norms are kept; activations grow or shrink, as in llama.cpp",
        ]
    read_from = vectors.about.get("model_digest")
    if read_from is None:
        remarks.append("does not say from which weights it was read, and a vector belongs to those")
    elif read_from != opened.digest:
        remarks.append(f"was read from other weights (content {str(read_from)[:12]}), and a vector belongs to those")
    return remarks


def _rows(vectors: VectorSet, run: str, model: str) -> list[Metric]:
    """How long a step of strength 1 is; where the rule is relative, as a share of each activation's own length."""
    metric = "step_share" if vectors.rule.relative else "step_length"
    return [
        Metric(
            run=run,
            model=model,
            suite="steer",
            slice=f"layer {layer}",
            metric=metric,
            value=float(direction.norm()) * vectors.rule.factor,
            ci_low=None,
            ci_high=None,
            n=1,
            seed=None,
        )
        for layer, direction in vectors.directions.items()
    ]

"""Make a model directory that is steered: pairs in, `defence.json` over the model and its vector out.

The weights are not touched and not copied. The folder holds the vector, how strongly it steers, and how it was made;
whoever opens the folder, for an evaluation, a training or a chat, gets the steered model.
"""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import Field

from instincts.arithmetic.contrasts import ContrastSet, Layout, read_contrasts, token_ids
from instincts.arithmetic.vector import RECIPES, Built, StepScale, Variant, build
from instincts.config import Settings
from instincts.errors import ConfigError, RecordError
from instincts.models.directory import DEFENCE_FILE, ModelLocation, locate
from instincts.models.hooks import Site, decoder_layers, last_token_states
from instincts.models.opening import OpenModel, open_location
from instincts.models.vectors import check_strength, write_vectors
from instincts.records import Metric, new_run_card, write_json, write_metrics, write_run_card

__all__ = ["VECTORS_FILE", "Steered", "VectorSettings", "build_vector", "parse_layers", "steer_with_pairs"]

VECTORS_FILE = "vector.safetensors"

PUBLISHED_STRENGTH = 0.12
"""The paper's alpha; its scale is not defined there."""

Progress = Callable[[int, int], None]


class VectorSettings(Settings):
    """One safety vector. What is not given follows from the variant."""

    variant: Variant = Variant.PAPER
    """`paper` as the paper describes it, `reference` as its released code does it, `difference` for a difference in
    means."""
    strength: float = Field(PUBLISHED_STRENGTH, ge=0)
    """How far activations move; 0 is no steering. 0.12 is the paper's, whose scale is not defined."""
    layers: str = "all"
    """`all`, one layer, or a range such as `4-6`; layers count from 0."""
    site: Site | None = None
    """Steer what whole blocks give (`block`) or what their feed-forward parts give (`mlp`)."""
    scale: StepScale | None = None
    """How long a step of strength 1 is: `unit`, `mean` (as the pairs' mean difference), `relative` (as the
    activation)."""
    layout: Layout | None = None
    """Write pairs by the model's chat template (`chat`) or as the plain text of the released code (`text`)."""
    tokens: int | None = Field(None, ge=1)
    """Over how many last tokens hidden states are averaged."""
    limit: int | None = Field(None, ge=1)
    """Use only the first pairs."""
    judge: str = "refusal"
    """Who says what is a refusal, to find the model's own and to notice swapped columns."""


@dataclass(frozen=True, kw_only=True)
class Steered:
    """What was made."""

    out: Path
    settings: VectorSettings
    """With everything settled that followed from the variant."""
    built: Built
    rows: list[Metric]


def steer_with_pairs(
    model: str,
    pairs: str,
    out: Path,
    *,
    given: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> Steered:
    """Make a safety vector of a model and lay it over the model in `out`.

    Args:
        model: a pocket model, a hub id, a checkpoint folder, or a folder with an adapter. After Harm Direction Removal
            name the model it gave: a vector belongs to the weights it was read from.
        pairs: a file or set of pairs, `refusals:PROMPTS` or `prompts:PROMPTS`; see `contrasts.read_contrasts`.
        out: the folder to write; it may already hold the model itself, in a folder of its own.
        given: settings by name; `None` means not given.
        progress: called with sequences read and sequences in all.

    Raises:
        ConfigError: a setting that does not fit, a layer outside the model, a model that is steered already.
        PromptSetError: no pairs, a missing side, swapped columns, or too few refusals.
        ModelDirectoryError: the model does not open.
        RecordError: the folder holds another defence, or could not be written.
    """
    settings = _settled(VectorSettings.resolve(given=given))
    location = locate(model)
    if location.overlay is not None and location.overlay.kind == "safety-vector":
        raise ConfigError(f"{model} is steered already; steer its base instead, or add the two vectors")
    for name in (DEFENCE_FILE, "config.json"):
        if (out / name).exists():
            raise RecordError(f"{out} holds a model already ({name}); choose another --out, or delete it first")
    opened = open_location(location)
    layers = parse_layers(settings.layers, len(decoder_layers(opened.model)))
    contrasts = read_contrasts(pairs, opened, judge=settings.judge, limit=settings.limit)
    card = new_run_card(
        "steer", settings=settings.model_dump(), data={pairs: contrasts.sha256}, models={model: location.digest}
    )
    built = build_vector(opened, contrasts, settings, layers=layers, progress=progress)
    check_strength(built.vectors, settings.strength)
    rows = _rows(built, out.resolve().name, model, len(contrasts))
    write_run_card(out, card)
    write_vectors(out / VECTORS_FILE, built.vectors)
    write_metrics(out, rows)
    # Last of all: a folder without it is no model, so one that was cut off cannot be taken for whole.
    write_json(out / DEFENCE_FILE, _defence(location, out, settings))
    write_run_card(out, card, status="finished", outcome={"pairs": len(contrasts), "layers": layers})
    return Steered(out=out, settings=settings, built=built, rows=rows)


def build_vector(
    opened: OpenModel,
    contrasts: ContrastSet,
    settings: VectorSettings,
    *,
    layers: list[int],
    progress: Progress | None = None,
) -> Built:
    """Read both sides of every contrast and make the direction of each layer; errors of `vector.build`."""
    settings = _settled(settings)
    assert settings.site is not None
    assert settings.scale is not None
    assert settings.layout is not None
    assert settings.tokens is not None
    reads = RECIPES[settings.variant].reads or settings.site
    sides = [token_ids(opened.tokenizer, side, settings.layout) for row in contrasts for side in row]
    states_2N_L_D = last_token_states(opened.model, sides, tokens=settings.tokens, site=reads, progress=progress)
    built = build(
        states_2N_L_D[0::2],
        states_2N_L_D[1::2],
        settings.variant,
        layers=layers,
        site=settings.site,
        scale=settings.scale,
    )
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


def parse_layers(text: str, count: int) -> list[int]:
    """Read which layers are meant.

    Args:
        text: `all`, a number, or a range with both its ends, `4-6`.
        count: how many layers the model has.

    Raises:
        ConfigError: not one of these, or a layer that the model does not have.
    """
    if text == "all":
        return list(range(count))
    if not (match := re.fullmatch(r"(\d+)(?:-(\d+))?", text.strip())):
        raise ConfigError(f"layers {text!r}; write all, a number, or a range such as 4-6")
    first, last = int(match[1]), int(match[2] or match[1])
    if first > last:
        raise ConfigError(f"layers {text!r} run backwards; write {last}-{first}")
    if last >= count:
        raise ConfigError(f"layer {last} of a {count}-layer model; layers run 0 to {count - 1}")
    return list(range(first, last + 1))


def _settled(settings: VectorSettings) -> VectorSettings:
    recipe = RECIPES[settings.variant]
    own = {"site": recipe.site, "scale": recipe.scale, "layout": recipe.layout, "tokens": recipe.tokens}
    missing = {name: value for name, value in own.items() if getattr(settings, name) is None}
    return VectorSettings.model_validate({**settings.model_dump(), **missing})


def _defence(location: ModelLocation, out: Path, settings: VectorSettings) -> dict[str, Any]:
    # A folder is named from here, so that both may be moved together; a pocket name or hub id is a name anywhere.
    is_folder = Path(location.name).expanduser().resolve() == location.path
    return {
        "format": 1,
        "kind": "safety-vector",
        "base": os.path.relpath(location.path, out.resolve()) if is_folder else location.name,
        "base_digest": location.digest,
        "vectors": VECTORS_FILE,
        "strength": settings.strength,
        "variant": str(settings.variant),
        "dual_use": "the vector points towards safety; subtracting it makes a model worse, and is refused here",
    }


def _rows(built: Built, run: str, model: str, pairs: int) -> list[Metric]:
    def row(metric: str, value: float, slice: str = "all") -> Metric:
        return Metric(
            run=run, model=model, suite="steer", slice=slice, metric=metric, value=value, ci_low=None,
            ci_high=None, n=pairs, seed=None,
        )  # fmt: skip

    rows = [row("pairs_ordered", built.ordered), row("explained", built.explained)]
    for layer, direction in built.vectors.directions.items():
        length = float(direction.norm()) * built.vectors.rule.factor
        share = length if built.vectors.rule.relative else length / built.lengths[layer]
        rows.append(row("step_share", share, f"layer-{layer}"))
    return rows

"""Is it the labels that make a safety vector, and is it more than the refusal direction? Pocket models, several seeds.

python -m instincts.studies.vector_controls --out runs/vector-controls --seeds 3

A twin whose safety eroded by accident (`how-to`, see `pocket_twins`) is steered by its own vector and by others that
are as long in every layer: one read from the same pairs with half of their sides exchanged, a random one, the refusal
direction of arXiv:2406.11717, and the vector without its share along that direction, or along the difference of means
of each layer. If the first two do as well, the labels did nothing; if the last do nothing, it is the refusal direction.
"""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING, Annotated

import typer

from instincts.records import read_json, write_json, write_text
from instincts.studies.arithmetic_results import Result, result_of
from instincts.studies.pocket_twins import make_twin

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from instincts.arithmetic.contrasts import ContrastSet
    from instincts.models.opening import OpenModel
    from instincts.models.vectors import VectorSet

__all__ = ["ARMS", "as_long", "exchanged", "random_like", "run_study", "table", "without"]

ARMS = ("untreated", "vector", "shuffled", "random", "refusal", "beyond", "beyond-each")
"""`shuffled`, `random`: controls. `refusal`: the refusal direction instead, one for all layers. `beyond`: what is left
without it. `beyond-each`: what is left in each layer without the layer's own difference of harmful and benign means."""

PAIRS = "prompts:pocket-mixed"
"""The source that the study of Safety Arithmetic takes for every twin."""

FITTED_ON = "pocket-contrast"
"""What the refusal direction is fitted on, as in the attack that removes it."""

Directions = Mapping[int, "Tensor"]


def run_study(
    out: Path,
    *,
    models: Sequence[str] = ("pocket-llama", "pocket-qwen"),
    seeds: Sequence[int] = range(3),
    strength: float = 0.12,
    n: int = 40,
) -> list[Result]:
    """Steer each twin by each vector, measure it on held-out requests, and write `results.json` and `results.md`.

    Args:
        out: where the twins go; what is finished there is not made or measured again.
        models: pocket models.
        seeds: of the twin, the exchanged sides, the random direction and the requests.
        strength: of every vector; by default what validation took most often in the study of Safety Arithmetic.
        n: held-out requests for each wrapper.
    """
    found: list[Result] = []
    cosines: dict[str, dict[str, float]] = {}
    for model in models:
        for seed in seeds:
            folder = out / model / f"seed-{seed}"
            found += _run(model, seed, folder, strength, n)
            cosines[f"{model}/{seed}"] = read_json(folder / "cosines.json")
            write_json(out / "results.json", {"results": [each._asdict() for each in found], "cosines": cosines})
            write_text(out / "results.md", table(found))
    return found


def exchanged(contrasts: "ContrastSet", generator: "Generator") -> "ContrastSet":
    """Exchange the sides of half of the rows, drawn at random: the same texts, labels that say nothing."""
    import torch

    count = len(contrasts)
    turned = set(torch.randperm(count, generator=generator)[: count // 2].tolist())
    rows = tuple(
        row._replace(safe=row.unsafe, unsafe=row.safe) if at in turned else row for at, row in enumerate(contrasts)
    )
    return replace(contrasts, rows=rows)


def as_long(directions: Directions, like: Directions) -> dict[int, "Tensor"]:
    """Give each direction the length that another has in its layer; one of length zero keeps it."""
    return {layer: each * (like[layer].norm() / each.norm().clamp_min(1e-30)) for layer, each in directions.items()}


def random_like(directions: Directions, generator: "Generator") -> dict[int, "Tensor"]:
    """Draw a direction a layer, as long as those given."""
    import torch

    return as_long(
        {layer: torch.randn(each.shape, generator=generator) for layer, each in directions.items()}, directions
    )


def without(directions: Directions, others: Directions) -> dict[int, "Tensor"]:
    """Take out, in each layer, what lies along another direction, and lengthen what is left to what it was."""
    from torch.nn.functional import normalize

    units = {layer: normalize(each, dim=0) for layer, each in others.items()}
    left = {layer: each - (each @ units[layer]) * units[layer] for layer, each in directions.items()}
    return as_long(left, directions)


def table(results: Sequence[Result]) -> str:
    """Lay out the arms of each model as Markdown: means over seeds, with the least and the most of a seed."""
    names = ("dsr", "plain_dsr", "benign_compliance", "wrapped_benign_compliance", "skill_accuracy")
    lines = ["| model | arm | seeds | DSR | plain DSR | benign | wrapped benign | skills |", "|" + "---|" * 8]
    for model in dict.fromkeys(each.model for each in results):
        for arm in ARMS:
            if own := [each for each in results if (each.model, each.arm) == (model, arm)]:
                cells = " | ".join(_cell([getattr(each, name) for each in own]) for name in names)
                lines.append(f"| {model} | {arm} | {len(own)} | {cells} |")
    return "\n".join(lines) + "\n"


def _cell(values: Sequence[float]) -> str:
    return f"{mean(values):.3f} ({min(values):.3f} to {max(values):.3f})"


def _run(model: str, seed: int, folder: Path, strength: float, n: int) -> list[Result]:
    from instincts.models.opening import open_model

    places = {arm: folder / f"{arm}.result.json" for arm in ARMS}
    if missing := [arm for arm, place in places.items() if not place.is_file()]:
        opened = open_model(str(make_twin("how-to", model, folder / "how-to", seed)), device="cpu")
        vectors, cosines = _vectors(opened, seed)
        write_json(folder / "cosines.json", cosines)
        for arm in missing:
            result = _measured(opened, vectors.get(arm), strength, n, seed, model, arm)
            write_json(places[arm], result._asdict())
    return [Result(**read_json(place)) for place in places.values()]


def _vectors(opened: "OpenModel", seed: int) -> "tuple[dict[str, VectorSet], dict[str, float]]":
    """Make every vector, and tell the vector's mean cosine, over the layers, with both kinds of refusal direction."""
    import torch
    from torch.nn.functional import cosine_similarity

    from instincts.arithmetic.contrasts import read_contrasts
    from instincts.arithmetic.steering import build_vector
    from instincts.arithmetic.vector_settings import resolve_vector
    from instincts.attacks.contrast import read_contrast
    from instincts.attacks.local.representations import fit_direction
    from instincts.models.hooks import decoder_layers

    generator = torch.Generator().manual_seed(seed)
    settings, layers = resolve_vector({}), list(range(len(decoder_layers(opened.model))))
    means = resolve_vector({"variant": "difference"})
    contrasts = read_contrasts(PAIRS, opened)
    own, shuffled = (
        build_vector(opened, each, settings, layers=layers).vectors
        for each in (contrasts, exchanged(contrasts, generator))
    )
    # From benign to harmful requests, which is from answering to refusing: towards safety.
    unit_D = fit_direction(opened, read_contrast(FITTED_ON, "refusal-ablation")).unit_D
    each_D = build_vector(
        opened, read_contrasts(f"prompts:{FITTED_ON}", opened), means, layers=layers
    ).vectors.directions
    like = own.directions
    one_D = dict.fromkeys(layers, unit_D)
    directions = {
        "vector": like,
        "shuffled": as_long(shuffled.directions, like),
        "random": random_like(like, generator),
        "refusal": as_long(one_D, like),
        "beyond": without(like, one_D),
        "beyond-each": without(like, each_D),
    }
    cosines = {
        name: mean(float(cosine_similarity(each, other[layer], dim=0)) for layer, each in like.items())
        for name, other in (("one", one_D), ("each", each_D))
    }
    return {arm: replace(own, directions=each, safe=None) for arm, each in directions.items()}, cosines


def _measured(
    opened: "OpenModel", vectors: "VectorSet | None", strength: float, n: int, seed: int, model: str, arm: str
) -> Result:
    from instincts.models.steering import steered
    from instincts.pocket.measuring import measure

    with nullcontext() if vectors is None else steered(opened.model, vectors, strength):
        found = measure(Path(opened.name), n, seed, load=lambda _: (opened.model, opened.tokenizer))
    return result_of(found, model=model, twin="how-to", arm=arm, choice="" if vectors is None else f"{strength:g}")


def main(
    out: Annotated[Path, typer.Option(help="Where every twin goes.")] = Path("runs/vector-controls"),
    model: Annotated[list[str] | None, typer.Option(help="A model; as often as needed. Default: both.")] = None,
    seeds: Annotated[int, typer.Option(help="How many seeds.")] = 3,
    strength: Annotated[float, typer.Option(help="Of every vector.")] = 0.12,
    n: Annotated[int, typer.Option(help="Held-out requests for each wrapper.")] = 40,
) -> None:
    """Compare a safety vector with others that are as long."""
    models = model or ("pocket-llama", "pocket-qwen")
    typer.echo(table(run_study(out, models=models, seeds=range(seeds), strength=strength, n=n)))


if __name__ == "__main__":
    typer.run(main)

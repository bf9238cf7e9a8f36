"""Does the gate keep what SIRL gains and remove what it costs? Both pocket models, both presets, several seeds.

python -m instincts.studies.sirl_pocket --out runs/study

Every seed trains on the same unlabelled half-benign prompts with its own sampling, and is measured on held-out requests
of its own under every wrapper, beside the untouched model asked the same. Finished parts are not run again. It measures
with `pocket.measuring`, plain `generate` and the grammar, several times as fast as an evaluation that keeps logs.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from instincts.config import Scale
from instincts.models.directory import locate
from instincts.records import RUN_FILE, read_json, read_run_card, write_json, write_text

if TYPE_CHECKING:
    from instincts.pocket.measuring import Measured

__all__ = ["Result", "result_of", "run_study", "table"]

PROMPTS = "pocket-mixed"


class Result(NamedTuple):
    """One model measured once; shares from 0 to 1."""

    model: str
    preset: str
    """`untouched`, or the preset it was trained with."""
    seed: int
    n: int
    """Held-out requests behind each wrapper's DSR; see `pocket.measuring.Measured` for the others."""
    dsr: float
    """Mean over the wrappers; the plain request is not among them."""
    worst_dsr: float
    """Of the worst wrapper."""
    worst_wrapper: str
    unseen_dsr: float
    """Mean over the wrappers never shown around a harmful request in alignment or training."""
    plain_dsr: float
    benign_compliance: float
    """Plain benign requests answered."""
    wrapped_benign_compliance: float
    """Benign requests answered under the wrappers."""
    skill_accuracy: float
    stop_step: int | None
    kept_step: int | None


def run_study(
    out: Path,
    *,
    models: Sequence[str] = ("pocket-llama", "pocket-qwen"),
    presets: Sequence[str] = ("gated", "paper"),
    seeds: int = 5,
    n: int = 100,
) -> list[Result]:
    """Train and measure every combination and write `results.json` and `results.md`.

    Args:
        out: where the runs go; what is finished there is not run again.
        models: pocket models.
        presets: recipes to train with.
        seeds: how many seeds, from 0.
        n: held-out requests for each wrapper.
    """
    results = []
    for model in models:
        for seed in range(seeds):
            folder = out / model / f"seed-{seed}"
            measured = _measure(locate(model).path, folder / "untouched.json", n, seed)
            results.append(result_of(measured, model=model, preset="untouched"))
            for preset in presets:
                outcome = _train(model, preset, seed, folder / preset)
                measured = _measure(folder / preset, folder / f"{preset}.json", n, seed)
                results.append(result_of(measured, model=model, preset=preset, outcome=outcome))
            write_json(out / "results.json", [result._asdict() for result in results])
            write_text(out / "results.md", table(results))
    return results


def result_of(measured: "Measured", *, model: str, preset: str, outcome: dict[str, Any] | None = None) -> Result:
    """Summarise what was measured of one model."""
    from instincts.pocket.wrappers import UNSEEN_WRAPPERS

    dsr = measured.dsr
    worst = min(dsr, key=lambda name: dsr[name])
    return Result(
        model=model,
        preset=preset,
        seed=measured.seed,
        n=measured.n,
        dsr=mean(dsr.values()),
        worst_dsr=dsr[worst],
        worst_wrapper=worst,
        unseen_dsr=mean(dsr[name] for name in UNSEEN_WRAPPERS),
        plain_dsr=measured.harmful_refused,
        benign_compliance=measured.benign_answered,
        wrapped_benign_compliance=measured.benign_wrapped_answered,
        skill_accuracy=measured.skill_accuracy,
        stop_step=(outcome or {}).get("stop_step"),
        kept_step=(outcome or {}).get("best_step"),
    )


def table(results: Sequence[Result]) -> str:
    """Lay out the results as Markdown: one line a model and preset, mean and range over seeds."""
    columns = (
        "dsr",
        "unseen_dsr",
        "worst_dsr",
        "plain_dsr",
        "benign_compliance",
        "wrapped_benign_compliance",
        "skill_accuracy",
    )
    lines = [f"| model | preset | seeds | {' | '.join(columns)} |", f"|{'---|' * (len(columns) + 3)}"]
    for model, preset in dict.fromkeys((result.model, result.preset) for result in results):
        group = [result for result in results if (result.model, result.preset) == (model, preset)]
        cells = []
        for column in columns:
            values = [float(getattr(result, column)) for result in group]
            cells.append(f"{mean(values):.3f} ({min(values):.3f} to {max(values):.3f})")
        lines.append(f"| {model} | {preset} | {len(group)} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _measure(checkpoint: Path, record: Path, n: int, seed: int) -> "Measured":
    """Ask every kind of held-out request, drawn with the seed, and rule by the grammar; once measured, read."""
    from instincts.pocket.measuring import Measured, measure

    if record.is_file():
        return Measured(**read_json(record))
    measured = measure(checkpoint, n, seed)
    write_json(record, asdict(measured))
    return measured


def _train(model: str, preset: str, seed: int, out: Path) -> dict[str, Any]:
    from instincts.sirl.training import train

    begun = (out / RUN_FILE).is_file()
    if not begun or read_run_card(out).status != "finished":
        train(model, PROMPTS, out, preset=preset, scale=Scale.SMOKE, given={"seed": seed}, resume=begun)
    return read_run_card(out).outcome


def main(
    out: Annotated[Path, typer.Option(help="Where every run goes.")] = Path("runs/study"),
    model: Annotated[list[str] | None, typer.Option(help="A model; as often as needed. Default: both.")] = None,
    preset: Annotated[list[str] | None, typer.Option(help="A preset; as often as needed. Default: both.")] = None,
    seeds: Annotated[int, typer.Option(help="How many seeds, from 0.")] = 5,
    n: Annotated[int, typer.Option(help="Held-out requests for each wrapper.")] = 100,
) -> None:
    """Train and measure both pocket models with both presets over several seeds."""
    results = run_study(
        out,
        models=model or ("pocket-llama", "pocket-qwen"),
        presets=preset or ("gated", "paper"),
        seeds=seeds,
        n=n,
    )
    typer.echo(table(results))
    typer.echo(json.dumps({"written": str(out / "results.json")}))


if __name__ == "__main__":
    typer.run(main)

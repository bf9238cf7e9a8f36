"""Does the gate keep what SIRL gains and remove what it costs? Both pocket models, both presets, several seeds.

python -m instincts.studies.sirl_pocket --out runs/study

Every seed trains on the same unlabelled half-benign prompts with its own sampling, and is measured on held-out requests
under every wrapper, beside the untouched model asked with the same seed. Finished parts are not run again.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Annotated, Any, NamedTuple

import typer

from instincts.config import Scale
from instincts.records import RUN_FILE, Metric, read_run_card, write_json, write_text
from instincts.suites.running import evaluate
from instincts.suites.settings import EvaluationSettings

__all__ = ["Result", "result_of", "run_study", "table"]

PROMPTS = "pocket-mixed"


class Result(NamedTuple):
    """One model measured once; shares from 0 to 1."""

    model: str
    preset: str
    """`untouched`, or the preset it was trained with."""
    seed: int
    dsr: float
    """Mean over the wrappers; the plain request is not among them."""
    worst_dsr: float
    """Of the worst wrapper."""
    worst_wrapper: str
    unseen_dsr: float
    """Mean over the wrappers never shown around a harmful request in alignment or training."""
    plain_dsr: float
    benign_compliance: float
    """Mean over plain and all wrappers."""
    skill_accuracy: float
    stop_step: int | None
    kept_step: int | None


def run_study(
    out: Path,
    *,
    models: Sequence[str] = ("pocket-llama", "pocket-qwen"),
    presets: Sequence[str] = ("gated", "paper"),
    seeds: int = 5,
    behaviours: int = 32,
    questions: int = 120,
) -> list[Result]:
    """Train and measure every combination and write `results.json` and `results.md`."""
    results = []
    for model in models:
        for seed in range(seeds):
            folder = out / model / f"seed-{seed}"
            measured = _measure(model, folder / "untouched-measured", seed, behaviours, questions)
            results.append(result_of(measured, model=model, preset="untouched", seed=seed))
            for preset in presets:
                outcome = _train(model, preset, seed, folder / preset)
                measured = _measure(str(folder / preset), folder / f"{preset}-measured", seed, behaviours, questions)
                results.append(result_of(measured, model=model, preset=preset, seed=seed, outcome=outcome))
            write_json(out / "results.json", [result._asdict() for result in results])
            write_text(out / "results.md", table(results))
    return results


def result_of(
    rows: Sequence[Metric], *, model: str, preset: str, seed: int, outcome: dict[str, Any] | None = None
) -> Result:
    """Summarise the rows of one evaluation of the pocket suite."""
    from instincts.pocket.wrappers import UNSEEN_WRAPPERS, WRAPPERS

    value = {(row.suite, row.slice, row.metric): row.value or 0.0 for row in rows}
    dsr = {name: value["jailbreak", f"pocket/{name}", "dsr"] for name in WRAPPERS}
    worst = min(dsr, key=lambda name: dsr[name])
    return Result(
        model=model,
        preset=preset,
        seed=seed,
        dsr=mean(dsr.values()),
        worst_dsr=dsr[worst],
        worst_wrapper=worst,
        unseen_dsr=mean(dsr[name] for name in UNSEEN_WRAPPERS),
        plain_dsr=value["jailbreak", "plain", "dsr"],
        benign_compliance=value["overrefusal", "all", "benign_compliance"],
        skill_accuracy=value["utility", "all", "skill_accuracy"],
        stop_step=(outcome or {}).get("stop_step"),
        kept_step=(outcome or {}).get("best_step"),
    )


def table(results: Sequence[Result]) -> str:
    """Lay out the results as Markdown: one line a model and preset, mean and range over seeds."""
    columns = ("dsr", "unseen_dsr", "worst_dsr", "plain_dsr", "benign_compliance", "skill_accuracy")
    lines = [f"| model | preset | seeds | {' | '.join(columns)} |", f"|{'---|' * (len(columns) + 3)}"]
    for model, preset in dict.fromkeys((result.model, result.preset) for result in results):
        group = [result for result in results if (result.model, result.preset) == (model, preset)]
        cells = []
        for column in columns:
            values = [float(getattr(result, column)) for result in group]
            cells.append(f"{mean(values):.3f} ({min(values):.3f} to {max(values):.3f})")
        lines.append(f"| {model} | {preset} | {len(group)} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _measure(model: str, out: Path, seed: int, behaviours: int, questions: int) -> list[Metric]:
    settings = EvaluationSettings(suite="pocket", limit=behaviours, questions=questions, seed=seed)
    return evaluate([model], settings, out=out)


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
    behaviours: Annotated[int, typer.Option(help="Held-out requests of each kind.")] = 32,
    questions: Annotated[int, typer.Option(help="Held-out questions.")] = 120,
) -> None:
    """Train and measure both pocket models with both presets over several seeds."""
    results = run_study(
        out,
        models=model or ("pocket-llama", "pocket-qwen"),
        presets=preset or ("gated", "paper"),
        seeds=seeds,
        behaviours=behaviours,
        questions=questions,
    )
    typer.echo(table(results))
    typer.echo(json.dumps({"written": str(out / "results.json")}))


if __name__ == "__main__":
    typer.run(main)

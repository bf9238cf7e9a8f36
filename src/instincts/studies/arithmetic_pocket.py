"""Does Safety Arithmetic give back what a fine-tune or an edit took? Both pocket models, several seeds.

python -m instincts.studies.arithmetic_pocket --out runs/arithmetic --seeds 5

Every seed makes a harmed twin of the pocket model and twins whose safety eroded by accident, treats each twin by
weights (`hdr`), by activations (`vector`), by both, by SIRL and by SIRL after weights, and compares three directions
that are no harm direction. Strengths are chosen on training verbs and objects and reported on held-out ones. Finished
parts are not run again, so seeds and models can be run apart and in any order; each leaves the tables of all there is.
"""

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from instincts.config import Scale
from instincts.errors import TrainingError, unknown_name
from instincts.records import RUN_FILE, read_json, read_run_card, write_json, write_metrics, write_text
from instincts.studies.arithmetic_choice import Candidate, Tried, choose, is_hopeless, lines
from instincts.studies.arithmetic_results import (
    ARMS,
    REFUSED,
    Result,
    attack_table,
    metrics_of,
    picture,
    result_of,
    summary_table,
)
from instincts.studies.pocket_twins import TWINS, benign_tune, harmed_twin, make_twin

if TYPE_CHECKING:
    from instincts.pocket.grammar import Split
    from instincts.pocket.measuring import Measured

__all__ = ["Bench", "collect", "run_study"]

PROMPTS = "pocket-mixed"


@dataclass(frozen=True, kw_only=True)
class Bench:
    """One seed of one pocket model: where its parts lie and how they are measured."""

    model: str
    seed: int
    folder: Path
    n: int
    """Held-out requests for each wrapper."""
    n_validation: int
    """Training requests for each wrapper, that strengths are chosen by."""

    @property
    def harmed(self) -> Path:
        """The harmed twin."""
        return self.folder / "harmed"

    def record(self, model: Path, twin: str, arm: str, choice: str = "") -> None:
        """Measure a finished arm on held-out requests, once."""
        place = self.folder / f"{twin}.{arm}.result.json"
        if not place.is_file():
            measured = _measure(model, self.n, self.seed, "heldout")
            write_json(place, result_of(measured, model=self.model, twin=twin, arm=arm, choice=choice)._asdict())

    def validated(self, model: Path, twin: str, name: str) -> "Measured":
        """Measure a candidate on validation requests, once."""
        from instincts.pocket.measuring import Measured

        place = self.folder / "validation" / f"{twin}.{name}.json"
        if not place.is_file():
            write_json(place, asdict(_measure(model, self.n_validation, self.seed, "train")))
        return Measured(**read_json(place))


def run_study(
    out: Path,
    *,
    models: Sequence[str] = ("pocket-llama", "pocket-qwen"),
    twins: Sequence[str] = TWINS,
    arms: Sequence[str] = ARMS,
    seeds: Sequence[int] = range(5),
    n: int = 100,
    n_validation: int = 30,
) -> list[Result]:
    """Make, treat and measure every combination and write `metrics.json` and `results.json`, `.md`, `.svg`.

    Args:
        out: where the runs go; what is finished there is not run again.
        models: pocket models.
        twins: of `TWINS`.
        arms: of `ARMS`; those that a wanted one starts from are run too.
        seeds: which.
        n: held-out requests for each wrapper.
        n_validation: training requests for each wrapper.

    Raises:
        ConfigError: an unknown twin or arm.
    """
    for kind, names, known in (("twin", twins, TWINS), ("arm", arms, ARMS)):
        for name in names:
            if name not in known:
                raise unknown_name(kind, name, known)
    for seed in seeds:
        for model in models:
            bench = Bench(model=model, seed=seed, folder=out / model / f"seed-{seed}", n=n, n_validation=n_validation)
            _run_seed(bench, twins, arms)
            _write(out)
    return _write(out)


def collect(out: Path) -> list[Result]:
    """Read every result under a folder."""
    return [Result(**read_json(path)) for path in sorted(out.rglob("*.result.json"))]


def _run_seed(bench: Bench, twins: Sequence[str], arms: Sequence[str]) -> None:
    from instincts.models.directory import locate

    bench.record(locate(bench.model).path, "-", "original")
    bench.record(harmed_twin(bench.model, bench.harmed, bench.seed), "-", "harmed")
    for twin in twins:
        target = make_twin(twin, bench.model, bench.folder / twin, bench.seed)
        bench.record(target, twin, "untreated")
        removal = _treat(bench, target, twin, "hdr") if {*arms} - {"untreated", "vector", "sirl"} else None
        vector = _treat(bench, target, twin, "vector") if {*arms} & {"vector", "both"} else None
        if removal is not None:
            if "both" in arms:
                _treat(bench, target, twin, "both", removal, vector)
            for arm in ("random", "shuffled", "benign-tune"):
                if arm in arms:
                    _control(bench, target, twin, arm, removal)
        if "sirl" in arms:
            _train(bench, target, twin, "sirl")
        if removal is not None and "hdr+sirl" in arms:
            _train(bench, bench.folder / f"{twin}.hdr", twin, "hdr+sirl", removal.name)


def _treat(
    bench: Bench,
    target: Path,
    twin: str,
    arm: str,
    removal: Candidate | None = None,
    vector: Candidate | None = None,
) -> Candidate:
    """Choose an arm's strengths on validation requests, make the model and measure it."""
    place = bench.folder / f"{twin}.{arm}.choice.json"
    if not place.is_file():
        taken = _chosen(bench, target, twin, lines(arm, removal, vector))
        write_json(place, taken._asdict())
    candidate = Candidate(**read_json(place))
    made = bench.folder / f"{twin}.{arm}"
    if not _is_finished(made):
        _make(bench, target, candidate, made)
    bench.record(made, twin, arm, candidate.name)
    return candidate


def _chosen(bench: Bench, target: Path, twin: str, candidates: list[list[Candidate]]) -> Candidate:
    untreated = bench.validated(target, twin, "untreated")
    tried = []
    for line in candidates:
        for candidate in line:
            with TemporaryDirectory(dir=bench.folder) as scratch:
                folder = Path(scratch) / "candidate"
                if not (bench.folder / "validation" / f"{twin}.{candidate.name}.json").is_file():
                    _make(bench, target, candidate, folder)
                measured = bench.validated(folder, twin, candidate.name)
            tried.append(Tried(candidate, measured))
            if is_hopeless(measured, untreated):
                break
    return choose(tried, untreated)


def _make(bench: Bench, target: Path, candidate: Candidate, out: Path) -> None:
    from instincts.arithmetic.both import steer_both
    from instincts.arithmetic.removal import remove_harm
    from instincts.arithmetic.steering import steer_with_pairs

    shutil.rmtree(out, ignore_errors=True)
    of_weights = {"strength": candidate.weights, "keep": candidate.keep}
    of_vector = {"strength": candidate.vector}
    models = (str(target), str(bench.harmed), bench.model)
    if candidate.weights and candidate.vector:
        steer_both(*models, candidate.pairs, out, removal=of_weights, vector=of_vector, is_probed=False)
    elif candidate.weights:
        remove_harm(*models, out, given=of_weights, is_probed=False)
    else:
        steer_with_pairs(str(target), candidate.pairs, out, given=of_vector)


def _control(bench: Bench, target: Path, twin: str, arm: str, removal: Candidate) -> None:
    """Subtract a direction that is no harm direction, as large and as strongly as the harm direction was."""
    import torch

    from instincts.arithmetic.removal import remove_harm
    from instincts.models.directory import locate
    from instincts.studies.harm_controls import CONTROLS, difference, save_moved, trimmed

    made = bench.folder / f"{twin}.{arm}"
    if not _is_finished(made):
        base = locate(bench.model).path
        benign = benign_tune(bench.model, bench.folder / "benign-tuned", bench.seed)
        harm_tau, benign_tau = (trimmed(difference(each, base), removal.keep) for each in (bench.harmed, benign))
        tau = CONTROLS[arm](harm_tau, benign_tau, torch.Generator().manual_seed(bench.seed))
        shutil.rmtree(made, ignore_errors=True)
        with TemporaryDirectory(dir=bench.folder) as scratch:
            save_moved(base, tau, Path(scratch) / "moved")
            given = {"strength": removal.weights, "keep": 1.0}
            remove_harm(str(target), str(Path(scratch) / "moved"), bench.model, made, given=given, is_probed=False)
    bench.record(made, twin, arm, removal.name)


def _train(bench: Bench, target: Path, twin: str, arm: str, choice: str = "") -> None:
    from instincts.sirl.training import train

    made, refused = (bench.folder / f"{twin}.{arm}{end}" for end in ("", ".refused.json"))
    if not (refused.is_file() or _is_finished(made)):
        given = {"seed": bench.seed}
        try:
            train(str(target), PROMPTS, made, scale=Scale.SMOKE, given=given, resume=(made / RUN_FILE).is_file())
        except TrainingError as error:
            # No instinct left to amplify, or nothing gained by it: a finding, and no reason to end the study.
            write_json(refused, {"reason": str(error)})
    if refused.is_file():
        # Its user keeps the model there was, and so does the mean: leaving it out would count successes only.
        bench.record(target, twin, arm, REFUSED)
    else:
        bench.record(made, twin, arm, choice)


def _measure(model: Path, n: int, seed: int, split: "Split") -> "Measured":
    from instincts.pocket.measuring import measure

    return measure(model, n, seed, split=split, load=_opened)


def _opened(folder: Path) -> tuple[Any, Any]:
    """Open whatever a defence wrote, steered or not."""
    from instincts.models.opening import open_model

    opened = open_model(str(folder), device="cpu")
    return opened.model, opened.tokenizer


def _is_finished(out: Path) -> bool:
    return (out / RUN_FILE).is_file() and read_run_card(out).status == "finished"


def _write(out: Path) -> list[Result]:
    import matplotlib as mpl

    results = collect(out)
    write_json(out / "results.json", [each._asdict() for each in results])
    write_metrics(out, metrics_of(results))
    write_text(out / "results.md", f"{summary_table(results)}\n{attack_table(results)}")
    # Text stays text, and the same results are the same bytes.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "results"}):
        picture(results).savefig(out / "results.svg", metadata={"Date": None})
    return results


def main(
    out: Annotated[Path, typer.Option(help="Where every run goes.")] = Path("runs/arithmetic"),
    model: Annotated[list[str] | None, typer.Option(help="A model; as often as needed. Default: both.")] = None,
    twin: Annotated[list[str] | None, typer.Option(help="A twin; as often as needed. Default: all.")] = None,
    arm: Annotated[list[str] | None, typer.Option(help="An arm; as often as needed. Default: all.")] = None,
    seeds: Annotated[int, typer.Option(help="How many seeds.")] = 5,
    first_seed: Annotated[int, typer.Option(help="The first of them.")] = 0,
    n: Annotated[int, typer.Option(help="Held-out requests for each wrapper.")] = 100,
    n_validation: Annotated[int, typer.Option(help="Training requests for each wrapper.")] = 30,
) -> None:
    """Make, treat and measure the twins of both pocket models over several seeds."""
    results = run_study(
        out,
        models=model or ("pocket-llama", "pocket-qwen"),
        twins=twin or TWINS,
        arms=arm or ARMS,
        seeds=range(first_seed, first_seed + seeds),
        n=n,
        n_validation=n_validation,
    )
    typer.echo(summary_table(results))
    typer.echo(json.dumps({"written": str(out / "results.json")}))


if __name__ == "__main__":
    typer.run(main)

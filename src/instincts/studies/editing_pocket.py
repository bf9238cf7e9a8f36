"""Does a benign edit cost safety, and does harm removal in the edited layers give it back? Pocket models, edit by edit.

python -m instincts.studies.editing_pocket --out runs/editing --edits 6

Each edit is made on the untouched model, by itself. Then: did it take, does the comparison with the base find exactly
the edited tensor, what do held-out requests get (ruled by the grammar), and after removing the harm direction
in the edited layer and its neighbours, what do they get then, and is the edit still there? Changes are paired by
request; requests are drawn for the intervals, never single answers. A finished folder is read, not made again.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from instincts.pocket.requests import PocketRequest, sample_requests
from instincts.pocket.wrappers import WRAPPERS
from instincts.records import RUN_FILE, read_json, read_run_card, write_json, write_text
from instincts.statistics import Interval, paired_change
from instincts.studies.pocket_twins import harmed_twin

if TYPE_CHECKING:
    from instincts.arithmetic.facts import Fact

__all__ = ["KINDS", "Change", "Trial", "changes_of", "run_study", "table"]

KINDS = ("harmful", "sampled", "benign", "skill")
"""What is asked: harmful in name, as many under each wrapper, greedily and once more at temperature 1, where the models
give way more often; benign; skills. Right is refused, refused, answered, right."""


class Trial(NamedTuple):
    """One edit of one model, and its repair."""

    model: str
    fact: str
    took: bool
    """Whether the question gets the new answer."""
    paraphrases: tuple[bool, ...]
    neighbours: tuple[bool, ...]
    """Whether each neighbour's answer stayed."""
    located: bool
    """Whether the comparison with the base found the edited tensor and no other."""
    scope: tuple[int, ...]
    """The layers that are repaired."""
    survived: bool
    """Whether the repaired model still gives the new answer."""
    right: Mapping[str, Mapping[str, list[bool]]]
    """By arm (`untouched`, `edited`, `repaired`) and kind: which requests were taken rightly, in their order."""


class Change(NamedTuple):
    """How an arm differs from the untouched model, over all edits."""

    model: str
    arm: str
    kind: str
    before: float
    after: float
    change: Interval


def run_study(
    out: Path,
    *,
    models: Sequence[str] = ("pocket-llama", "pocket-qwen"),
    edits: int = 6,
    n: int = 10,
    seed: int = 0,
    strength: float | None = None,
) -> list[Trial]:
    """Edit every model with every fact, repair it, and write `trials.json` and `results.md`.

    Args:
        out: where every model goes.
        models: to edit.
        edits: how many facts, spread over the set.
        n: harmful requests under each wrapper; five times as many benign ones and questions of skills.
        seed: of requests and of the harmed twin.
        strength: of the repair; the paper's where none is given.
    """
    from instincts.arithmetic.facts import read_facts

    every = read_facts("pocket-edits").rows
    chosen = every[:: max(1, len(every) // edits)][:edits]
    asked = _requests(n, seed)
    trials: list[Trial] = []
    for model in models:
        harmed = harmed_twin(model, out / model / "harmed", seed)
        untouched = _right(model, out / model / "untouched.json", asked)
        for fact in chosen:
            trials.append(_trial(model, fact, out / model / fact.id, harmed, strength, asked, untouched))
            write_json(out / "trials.json", [trial._asdict() for trial in trials])
            write_text(out / "results.md", table(trials))
    return trials


def changes_of(trials: Sequence[Trial]) -> list[Change]:
    """Compare each arm with the untouched model: requests are rows, edits columns."""
    found = []
    for model in dict.fromkeys(trial.model for trial in trials):
        own = [trial for trial in trials if trial.model == model]
        for arm in ("edited", "repaired"):
            for kind in KINDS:
                before = [[float(right) for right in row] for row in zip(*_side(own, "untouched", kind), strict=True)]
                after = [[float(right) for right in row] for row in zip(*_side(own, arm, kind), strict=True)]
                change = paired_change(before, after).interval
                found.append(Change(model, arm, kind, _mean(before), _mean(after), change))
    return found


def table(trials: Sequence[Trial]) -> str:
    """Lay trials and changes out as Markdown."""
    lines = [
        "| model | edits | efficacy | paraphrases | neighbourhood | located | survived the repair |",
        "|" + "---|" * 7,
    ]
    for model in dict.fromkeys(trial.model for trial in trials):
        own = [trial for trial in trials if trial.model == model]
        shares = (
            [trial.took for trial in own],
            [each for trial in own for each in trial.paraphrases],
            [each for trial in own for each in trial.neighbours],
            [trial.located for trial in own],
            [trial.survived for trial in own],
        )
        cells = " | ".join(f"{sum(hits)} of {len(hits)}" for hits in shares)
        lines.append(f"| {model} | {len(own)} | {cells} |")
    lines += ["", "| model | arm | requests | untouched | arm | change (95 %) | n |", "|" + "---|" * 7]
    for each in changes_of(trials):
        low, high = (f"{end:+.3f}" if end is not None else "?" for end in (each.change.low, each.change.high))
        lines.append(
            f"| {each.model} | {each.arm} | {each.kind} | {each.before:.3f} | {each.after:.3f} "
            f"| {each.change.value or 0.0:+.3f} ({low} to {high}) | {each.change.n} |"
        )
    return "\n".join(lines) + "\n"


def _trial(
    model: str,
    fact: "Fact",
    folder: Path,
    harmed: Path,
    strength: float | None,
    asked: Mapping[str, list[PocketRequest]],
    untouched: Mapping[str, list[bool]],
) -> Trial:
    from instincts.arithmetic.edit_scores import gives_target
    from instincts.arithmetic.editing import POCKET, edit_model
    from instincts.arithmetic.removal import remove_harm
    from instincts.models.opening import open_model

    record = folder / "trial.json"
    if record.is_file():
        return Trial(**read_json(record))
    edited, repaired = folder / "edited", folder / "repaired"
    applied = edit_model(
        model, "pocket-edits", edited, POCKET, only=[fact.id], resume=(edited / RUN_FILE).is_file()
    ).applied
    removed = remove_harm(
        str(edited),
        str(harmed),
        model,
        repaired,
        given={"strength": strength},
        resume=(repaired / RUN_FILE).is_file(),
    )
    (before,), (after,) = applied.before, applied.after
    tensors = [change.name for change in removed.found.changes]
    trial = Trial(
        model=model,
        fact=fact.id,
        took=after.question.given,
        paraphrases=tuple(said.given for said in after.paraphrases),
        neighbours=tuple(was == now for was, now in zip(before.neighbours, after.neighbours, strict=True)),
        located=tensors == [read_run_card(edited).outcome["tensor"]],
        scope=removed.found.layers or (),
        survived=gives_target(open_model(str(repaired)), fact),
        right={
            "untouched": untouched,
            "edited": _right(str(edited), folder / "edited.json", asked),
            "repaired": _right(str(repaired), folder / "repaired.json", asked),
        },
    )
    write_json(record, trial._asdict())
    return trial


def _requests(n: int, seed: int) -> dict[str, list[PocketRequest]]:
    harmful = [request for name in WRAPPERS for request in sample_requests("harmful", n, seed, "heldout", [name])]
    return {
        "harmful": harmful,
        "sampled": harmful,
        "benign": sample_requests("benign", 5 * n, seed, "heldout"),
        "skill": sample_requests("skill", 5 * n, seed, "heldout"),
    }


def _right(model: str, record: Path, asked: Mapping[str, list[PocketRequest]]) -> dict[str, list[bool]]:
    from instincts.models.directory import locate
    from instincts.pocket.measuring import answers

    if not record.is_file():
        folder = locate(model).path
        found = {
            kind: [
                _is_right(request, answer.text)
                for request, answer in zip(
                    asked[kind], answers(folder, asked[kind], greedy=kind != "sampled"), strict=True
                )
            ]
            for kind in KINDS
        }
        write_json(record, found)
    return {kind: [bool(right) for right in rows] for kind, rows in read_json(record).items()}


def _is_right(request: PocketRequest, text: str) -> bool:
    from instincts.pocket import oracle

    if request.target is not None:
        return oracle.is_right(text, request.target)
    wanted = "refused" if request.kind == "harmful" else "complied"
    return oracle.judge(text, prefill=request.prefill).outcome == wanted


def _side(trials: Sequence[Trial], arm: str, kind: str) -> list[list[bool]]:
    return [trial.right[arm][kind] for trial in trials]


def _mean(rows: Sequence[Sequence[float]]) -> float:
    values = [value for row in rows for value in row]
    return sum(values) / len(values)


def main(
    out: Annotated[Path, typer.Option(help="Where every model goes.")] = Path("runs/editing"),
    model: Annotated[list[str] | None, typer.Option(help="A model; as often as needed. Default: both.")] = None,
    edits: Annotated[int, typer.Option(help="How many facts.")] = 6,
    strength: Annotated[float | None, typer.Option(help="Of the repair; by default the paper's.")] = None,
    n: Annotated[int, typer.Option(help="Harmful requests under each wrapper.")] = 10,
    seed: Annotated[int, typer.Option(help="The same seed gives the same run.")] = 0,
) -> None:
    """Edit pocket models fact by fact, repair them, and measure all three."""
    models = model or ("pocket-llama", "pocket-qwen")
    trials = run_study(out, models=models, edits=edits, n=n, seed=seed, strength=strength)
    typer.echo(table(trials))


if __name__ == "__main__":
    typer.run(main)

"""Makes the pocket analyst and measures it: a small model that reads requests of the pocket and writes their trees.

python -m instincts.studies.pocket_analyst --out runs/pocket-analyst

The base is untrained, with the words of trees added to the pocket's tokenizer; `distill` trains it on the true trees of
training verbs and objects, plain and in the wrappers that alignment showed. It is measured on verbs and objects that it
never saw, plain and in every wrapper, the unseen ones apart. With `--model` a finished analyst is measured alone.
"""

import time
from collections.abc import Mapping, Sequence
from operator import eq
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from instincts.config import Scale
from instincts.pocket.requests import PLAIN, sample_requests
from instincts.pocket.wrappers import UNSEEN_WRAPPERS, WRAPPERS
from instincts.records import RUN_FILE, read_run_card, write_json, write_text
from instincts.statistics import Interval, mean_interval, rate
from instincts.statistics.ranking import auroc, ranking_interval

if TYPE_CHECKING:
    from instincts.analyst.lessons import TreeRow

__all__ = ["RECIPE", "SLICES", "make_analyst", "make_base", "measure_slice", "requests_of", "run_study", "table"]

RECIPE: Mapping[str, Any] = MappingProxyType(
    {
        "steps": 700,
        "rows_per_step": 32,
        "micro_batch": 32,
        "learning_rate": 3e-3,
        "warmup": 0.05,
        "by_length": False,
        "save_every": 100,
        "asked": 64,
    }
)
"""Settings of the distillation, over those of scale smoke."""

SHAPE: Mapping[str, Any] = MappingProxyType({"width": 128, "inner": 256, "layers": 3, "heads": 4, "key_heads": 2})
"""Of the model, that of Qwen3."""

SLICES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        PLAIN: (PLAIN,),
        "seen wrappers": tuple(name for name, wrapper in WRAPPERS.items() if wrapper.seen and name != "many-shot"),
        "unseen wrappers": UNSEEN_WRAPPERS,
        "many-shot": ("many-shot",),
    }
)
"""What held-out requests are put in."""

VIEWS = ("leaf", "whole", "core", "extent", "likelihood", "immediate", "stakeholder", "kind", "action", "effect")


def make_base(out: Path, seed: int = 0) -> Path:
    """Write an untrained model whose tokenizer knows the words of the pocket and of trees, in both codings."""
    import torch

    from instincts.pocket.tokenizer import build_tokenizer
    from instincts.pocket.training import Recipe, new_model

    tokenizer = build_tokenizer(_texts())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = new_model(Recipe(architecture="qwen3", **SHAPE), tokenizer)
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)
    return out


def make_analyst(out: Path, *, coding: str = "specialist", seed: int = 0, **given: Any) -> Path:
    """Distil the pocket's trees into the base, or go on where that stopped; the analyst's folder is `out/analyst`."""
    from instincts.analyst.distilling import distil
    from instincts.analyst.lessons import POCKET_TREES

    base, analyst = out / "base", out / "analyst"
    if (analyst / RUN_FILE).is_file() and read_run_card(analyst).status == "finished":
        return analyst
    if not (base / "tokenizer.json").is_file():
        make_base(base, seed)
    distil(
        POCKET_TREES,
        str(base),
        analyst,
        scale=Scale.SMOKE,
        given={**RECIPE, "coding": coding, "seed": seed, **given},
        resume=(analyst / RUN_FILE).is_file(),
        progress=_tell,
    )
    return analyst


def run_study(out: Path, *, model: str | None = None, n: int = 200, seed: int = 1) -> dict[str, dict[str, Interval]]:
    """Make the analyst, unless one is given, measure it, and write `results.json` and `results.md`.

    Args:
        out: where everything goes.
        model: a finished analyst.
        n: requests of each slice, half of them harmful in name.
        seed: of the requests.
    """
    analyst = model or str(make_analyst(out))
    found = {name: measure_slice(analyst, requests_of(wrappers, n, seed)) for name, wrappers in SLICES.items()}
    if model is None:
        _write_card(Path(analyst), found, n, seed)
    told = {name: {key: list(value) for key, value in rows.items()} for name, rows in found.items()}
    write_json(out / "results.json", {"model": analyst, "n": n, "seed": seed, "slices": told})
    write_text(out / "results.md", table(found))
    return found


def measure_slice(model: str, rows: "Sequence[tuple[TreeRow, bool]]", **given: Any) -> dict[str, Interval]:
    """Ask for the trees of requests and compare them with the truth.

    Args:
        model: the analyst.
        rows: each request with whether it is harmful in name.
        **given: settings of the analysis.

    Returns:
        Parse rates, F1 in every view, and under the policy `general` AUROC of the score, that of the true trees, the
        share with the true tree's verdict, and the shares not allowed; tokens a tree, and seconds (of the whole run,
        opening the model included, over its trees).
    """
    from instincts.analyst import read_policy, score
    from instincts.analyst.agreement import overlap, tree_f1
    from instincts.analyst.settings import AnalysisSettings
    from instincts.analyst.trying import try_analyst

    asked, harmful = [row for row, _ in rows], [label for _, label in rows]
    started = time.perf_counter()
    analyses = try_analyst(model, asked, AnalysisSettings.resolve(given={"max_tokens": 512, **given}))
    seconds = time.perf_counter() - started
    # Errors come verb by verb, so requests of one verb are no independent observations.
    verbs = [row.family.partition(" ")[0] for row in asked]
    overlaps = [overlap(each.tree, row.tree) for each, row in zip(analyses, asked, strict=True)]
    policy = read_policy("general")
    true = score([row.tree for row in asked], policy)
    judged = [None if each.tree is None else score(each.tree, policy) for each in analyses]
    # A request without a verdict counts as wrong: ranked on the wrong side, and neither verdict is the true one.
    scores = [
        float(each.probability_P[0]) if each is not None else (-1.0 if bad else 2.0)
        for each, bad in zip(judged, harmful, strict=True)
    ]
    verdicts = [None if each is None else each.verdicts()[0] for each in judged]
    of_label = {bad: [place for place, is_bad in enumerate(harmful) if is_bad == bad] for bad in (True, False)}

    def share(hits: Sequence[bool], places: Sequence[int] | None = None) -> Interval:
        chosen = range(len(rows)) if places is None else places
        return rate([hits[place] for place in chosen], [verbs[place] for place in chosen])

    return {
        "parse_rate_first": share([each.tree is not None and each.attempts == 1 for each in analyses]),
        "parse_rate": share([each.tree is not None for each in analyses]),
        "exact_trees": share([each.tree == row.tree for each, row in zip(analyses, asked, strict=True)]),
        **{f"{view}_f1": tree_f1([each[view] for each in overlaps], clusters=verbs) for view in VIEWS},
        "auroc": ranking_interval(auroc, scores, harmful, clusters=verbs),
        "auroc_true_trees": ranking_interval(auroc, true.probability_P, harmful, clusters=verbs),
        "same_verdict": share(list(map(eq, verdicts, true.verdicts()))),
        "harmful_stopped": share([each in ("review", "block") for each in verdicts], of_label[True]),
        "benign_stopped": share([each != "allow" for each in verdicts], of_label[False]),
        "tokens_per_tree": mean_interval([each.tokens for each in analyses], clusters=verbs),
        "seconds_per_tree": Interval(seconds / len(rows), None, None, len(rows)),
    }


def table(found: Mapping[str, Mapping[str, Interval]]) -> str:
    """Lay the slices out as Markdown, a column each."""
    lines = ["| | " + " | ".join(found) + " |", "|---|" + "---|" * len(found)]
    for name in next(iter(found.values())):
        lines.append(f"| {name} | " + " | ".join(_cell(rows[name]) for rows in found.values()) + " |")
    return "\n".join(lines) + "\n"


def _write_card(folder: Path, found: Mapping[str, Mapping[str, Interval]], n: int, seed: int) -> None:
    """Write beside the weights what they were made from and what was measured, as every shipped model has it."""
    from instincts.pocket.training import CARD_FILE

    card = read_run_card(folder)
    values = {name: {key: value.value for key, value in rows.items()} for name, rows in found.items()}
    write_json(
        folder / CARD_FILE,
        {
            "name": "pocket-analyst",
            "seed": card.settings["seed"],
            "recipe": {**SHAPE, **RECIPE},
            "outcome": card.outcome,
            "measured": {"n": n, "seed": seed, "split": "heldout", **values},
        },
    )


def requests_of(wrappers: Sequence[str], n: int, seed: int) -> "list[tuple[TreeRow, bool]]":
    """Draw held-out requests with their true trees and whether they are harmful in name, half and half."""
    from instincts.analyst.lessons import pocket_row

    drawn = [
        *sample_requests("harmful", n // 2, seed, "heldout", wrappers),
        *sample_requests("benign", n - n // 2, seed, "heldout", wrappers),
    ]
    return [(pocket_row(request), request.kind == "harmful") for request in drawn]


def _texts() -> list[str]:
    """Write the trees of many training requests in both codings: the texts whose words become tokens."""
    from instincts.analyst.lessons import pocket_trees, written
    from instincts.analyst.wording import SIDES

    rows = pocket_trees(4000).rows
    return [written(row.tree, SIDES, coding) for row in rows for coding in ("specialist", "specialist-json")]


def _cell(value: Interval) -> str:
    if value.value is None:
        return "-"
    ends = f" ({value.low:.3f} to {value.high:.3f})" if value.low is not None and value.high is not None else ""
    return f"{value.value:.3f}{ends}"


def _tell(stage: str, done: int, total: int) -> None:
    if done % 50 == 0 or done == total:
        typer.echo(f"{stage}: {done} of {total}", err=True)


def main(
    out: Annotated[Path, typer.Option(help="Where everything goes.")] = Path("runs/pocket-analyst"),
    model: Annotated[str | None, typer.Option(help="A finished analyst, which is measured alone.")] = None,
    n: Annotated[int, typer.Option(help="Requests of each slice.")] = 200,
    seed: Annotated[int, typer.Option(help="Of the requests; another one than of the training.")] = 1,
) -> None:
    """Make the pocket analyst and measure it."""
    typer.echo(table(run_study(out, model=model, n=n, seed=seed)))


if __name__ == "__main__":
    typer.run(main)

"""Run folders as read from disk: a demo is taken apart into its trainings and evaluations; knows nothing of pages.

A folder that was killed half-way is read as far as it goes and says so in its notes; one that claims to be finished and
cannot be read is an error, because a page without it would show other numbers.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from instincts.errors import RecordError
from instincts.records import METRICS_FILE, RUN_FILE, Metric, RunCard, read_metrics, read_run_card
from instincts.report.training import Curves, read_curves

__all__ = ["DEMO_PARTS", "GATE_FILE", "TRAINING_FILE", "RunFolder", "read_folders"]

DEMO_PARTS = ("before", "model", "after")
TRAINING_FILE = "training.jsonl"
POINTS_FILE = "points.jsonl"
GATE_FILE = "gate.json"


@dataclass(frozen=True, kw_only=True)
class RunFolder:
    """One run folder, or one part of a demo."""

    path: Path
    name: str
    """What the page calls it: its own name, with its parent's where two folders share one."""
    card: RunCard
    metrics: tuple[Metric, ...] = ()
    curves: Curves | None = None
    runs: frozenset[str] = frozenset()
    """The runs its logs belong to, as named in the rows of the page."""
    gate: dict[str, Any] | None = None
    """`gate.json` as written: threshold, verdict, and the mean entropies (nats) of each prompt's answers."""
    points: tuple[dict[str, Any], ...] = ()
    """The strengths that were tried, and what came of each."""
    logs: tuple[Path, ...] = ()
    """Inspect logs, oldest first."""
    notes: tuple[str, ...] = ()
    """What is missing from this folder and why, in words for the page."""

    @property
    def is_content_free(self) -> bool:
        """Whether every prompt set and attack file of the run comes with this package, which holds nothing harmful."""
        from instincts.prompts import NAMED

        return bool(self.card.data) and set(self.card.data) <= set(NAMED)


def read_folders(folders: Sequence[Path]) -> list[RunFolder]:
    """Read run folders in the order given; a demo folder is followed by its parts.

    Where two folders measured the same model under the same run name, the later one's runs are prefixed with its
    folder, since nothing else would tell their rows apart.

    Raises:
        RecordError: no folder was given, one is no run folder, or a finished one cannot be read.
    """
    if not folders:
        raise RecordError("no run folder to report on; name at least one")
    found: list[RunFolder] = []
    for path in folders:
        if not path.is_dir():
            raise RecordError(f"no folder {path}; `instincts evaluate` or `train` with --out makes one")
        found += _told_apart(_read_with_parts(path), found)
    names = [folder.name for folder in found]
    return [
        replace(folder, name="/".join(folder.path.resolve().parts[-2:])) if names.count(folder.name) > 1 else folder
        for folder in found
    ]


def _read_with_parts(path: Path) -> list[RunFolder]:
    parts = [path / name for name in DEMO_PARTS if (path / name / RUN_FILE).is_file()]
    # A demo that was killed before its own card was written still has parts worth a page.
    if parts and not (path / RUN_FILE).is_file():
        return [_read(part) for part in parts]
    whole = _read(path)
    if whole.card.verb != "demo":
        return [whole]
    # The demo's merged rows already hold its parts' rows, under the run names `before` and `after`.
    return [whole, *(_read(part, with_metrics=not whole.metrics) for part in parts)]


def _told_apart(group: list[RunFolder], earlier: Sequence[RunFolder]) -> list[RunFolder]:
    taken = {(row.run, row.model) for folder in earlier for row in folder.metrics}
    if not any((row.run, row.model) in taken for folder in group for row in folder.metrics):
        return group
    prefix = group[0].name
    return [
        replace(
            folder,
            runs=frozenset(f"{prefix}/{run}" for run in folder.runs),
            metrics=tuple(row.model_copy(update={"run": f"{prefix}/{row.run}"}) for row in folder.metrics),
        )
        for folder in group
    ]


def _read(path: Path, *, with_metrics: bool = True) -> RunFolder:
    card = read_run_card(path)
    notes = []
    if card.status != "finished":
        notes.append(f"{path.name}: this run is marked {card.status!r}, so what it left may be incomplete.")
    metrics: list[Metric] = []
    if with_metrics and (path / METRICS_FILE).is_file():
        metrics = read_metrics(path)
    elif with_metrics:
        if card.status == "finished":
            raise RecordError(f"no {METRICS_FILE} in {path}, though its run card says finished; run it again")
        notes.append(f"{path.name}: no numbers were written yet ({METRICS_FILE} is missing).")
    notes += [_seen(path.name, found) for found in card.outcome.get("seen_in_training") or []]
    notes += [f"{path.name}: {model} is {how}." for model, how in (card.outcome.get("moderated") or {}).items()]
    name = path.resolve().name
    return RunFolder(
        path=path,
        name=name,
        card=card,
        runs=frozenset(row.run for row in metrics) or frozenset({name}),
        metrics=tuple(metrics),
        curves=read_curves(path / TRAINING_FILE) if (path / TRAINING_FILE).is_file() else None,
        points=read_curves(path / POINTS_FILE).rows if (path / POINTS_FILE).is_file() else (),
        gate=_read_gate(path / GATE_FILE),
        logs=tuple(sorted((path / "logs").rglob("*.eval"))),
        notes=tuple(notes),
    )


def _seen(name: str, found: dict[str, Any]) -> str:
    """Tell which prompts a model was trained on, before any number is read."""
    whose = f"{found.get('training')}" + (f", which {found['model']} was trained on" if found.get("model") else "")
    if found.get("complaint"):
        return f"{name}: suite {found.get('suite')} could not be compared with {whose}: {found['complaint']}."
    exact, near = (len(found.get(kind) or ()) for kind in ("exact", "near"))
    return (
        f"{name}: {exact} of the {found.get('rows')} prompts of suite {found.get('suite')} are in {whose}, and {near} "
        f"nearly are; its numbers {'flatter' if exact else 'may flatter'} the model."
    )


def _read_gate(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    try:
        gate = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise RecordError(f"{path} is not JSON ({error}); run preflight or train again") from None
    if not isinstance(gate, dict):
        raise RecordError(f"{path} holds {type(gate).__name__}, not an object; run preflight or train again")
    return gate

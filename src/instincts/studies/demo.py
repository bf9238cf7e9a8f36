"""The whole story on a small model: measure it, train it with its own confidence, measure it again, write one page.

Nothing here is particular to the demo's model: the same four calls work on any checkpoint.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from instincts.config import Scale, Settings
from instincts.errors import ConfigError
from instincts.records import (
    RUN_FILE,
    Metric,
    new_run_card,
    read_metrics,
    read_run_card,
    write_metrics,
    write_run_card,
)
from instincts.report.page import write_report
from instincts.suites.running import Display, evaluate
from instincts.suites.settings import EvaluationSettings

__all__ = ["DemoOutcome", "DemoSettings", "run_demo"]

HEADLINES = ("dsr", "worst_dsr", "benign_compliance", "skill_accuracy", "entropy_gap")
"""The metrics of the summary; all others are in the files."""

SUITES = "jailbreak,overrefusal,utility"
"""On the pocket's prompts, since no others are given."""

Progress = Callable[[str, int, int], None]
"""Told what is under way, how much of it is done, and how much there is."""


class DemoSettings(Settings):
    """How much of the story to tell."""

    model: str = "pocket-llama"
    """The untouched model."""
    prompts: str = "pocket-mixed"
    """What it is trained on: half benign, half harmful in name only; the labels are dropped before anything reads
    them."""
    behaviours: int = 48
    """Held-out requests of each kind, each sent plain and under every attack."""
    questions: int = 120
    """Held-out questions with an exact answer."""
    steps: int = 40
    """Most training steps; the stop rule may end them sooner."""

    scales: ClassVar[Mapping[Scale, Mapping[str, Any]]] = {
        Scale.SMOKE: {"behaviours": 6, "questions": 30, "steps": 20},
        Scale.SMALL: {"behaviours": 16, "questions": 60},
    }


class DemoOutcome(NamedTuple):
    """What the demo leaves."""

    page: Path
    summary: list[Metric]
    """The headline rows over all attacks and skills, before and after."""


def run_demo(
    out: Path,
    *,
    scale: Scale = Scale.SMALL,
    seed: int = 0,
    display: Display = "none",
    progress: Progress | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> DemoOutcome:
    """Run the demo, or go on with one that was interrupted; parts that are finished are not run again.

    Args:
        out: the run folder.
        scale: how much of it.
        seed: seed of sampling and training.
        display: how the evaluations show their progress.
        progress: draws the training's progress bars.
        say: told in a sentence what begins.

    Raises:
        InstinctsError: any part's own error; what was finished is kept.
    """
    settings = DemoSettings.resolve(scale)
    resolved = {"scale": str(scale), "seed": seed, **settings.model_dump()}
    _check_folder(out, resolved)
    card = write_run_card(out, new_run_card("demo", settings=resolved, data={}, models={}))

    say(f"1/4 measuring {settings.model} under every attack")
    before = _measure(settings.model, settings, seed, out / "before", "before", display)
    say("2/4 training it on unlabelled prompts, rewarded by nothing but its own confidence")
    _train(settings, seed, out / "model", progress)
    say("3/4 measuring it again")
    after = _measure(str(out / "model"), settings, seed, out / "after", "after", display)
    say("4/4 writing the page")
    rows = [*before, *read_metrics(out / "model"), *after]
    write_metrics(out, rows)
    model_card = read_run_card(out / "model")
    card = card.model_copy(update={"data": model_card.data, "models": model_card.models})
    write_run_card(out, card, status="finished", outcome=model_card.outcome)
    page = out / "report.html"
    write_report([out], page)
    return DemoOutcome(page, [row for row in (*before, *after) if row.slice == "all" and row.metric in HEADLINES])


def _measure(model: str, settings: DemoSettings, seed: int, out: Path, run: str, display: Display) -> Sequence[Metric]:
    chosen = EvaluationSettings(suite=SUITES, limit=settings.behaviours, questions=settings.questions, seed=seed)
    return evaluate([model], chosen, out=out, run=run, display=display)


def _train(settings: DemoSettings, seed: int, out: Path, progress: Progress | None) -> None:
    from instincts.sirl.training import train

    begun = (out / RUN_FILE).is_file()
    if begun and read_run_card(out).status == "finished":
        return
    train(
        settings.model,
        settings.prompts,
        out,
        scale=Scale.SMOKE,
        given={"steps": settings.steps, "seed": seed},
        resume=begun,
        progress=progress,
    )


def _check_folder(out: Path, resolved: Mapping[str, Any]) -> None:
    if not (out / RUN_FILE).is_file():
        return
    before = read_run_card(out)
    if before.verb != "demo" or before.settings != dict(resolved):
        raise ConfigError(
            f"{out} holds another run (verb {before.verb}, or other settings); choose another --out, or delete it first"
        )

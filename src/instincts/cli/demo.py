"""`instincts demo`: the whole story on one small model, from measuring to a page."""

from pathlib import Path
from typing import Annotated

from instincts.cli.options import SCALES, AsJson, Out, Seed, choice
from instincts.cli.progress import inspect_display, progress_bars
from instincts.cli.table import notice, show_metrics

__all__ = ["demo"]


def demo(
    out: Out = Path("runs/demo"),
    scale: Annotated[
        str, choice("--scale", SCALES, "How much of it: about a minute, a few minutes, or the whole held-out set.")
    ] = "small",
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Measure a small jailbreakable model, train it with its own confidence, measure it again, and write one page.

    For example:

    - `instincts demo --out runs/demo`
    - `instincts demo --out runs/quick --scale smoke`
    """
    from instincts.config import Scale
    from instincts.studies.demo import run_demo

    with progress_bars() as progress:
        outcome = run_demo(
            out,
            scale=Scale(scale),
            seed=seed,
            display=inspect_display(as_json=as_json),
            progress=progress,
            say=notice,
        )
    show_metrics(outcome.summary, as_json=as_json)
    notice(f"the page: {outcome.page}\nthe numbers: {out / 'metrics.json'}\nthe safer model: {out / 'model'}")

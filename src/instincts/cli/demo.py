"""`instincts demo`: the whole story on one small model, from measuring to a page."""

from pathlib import Path

from instincts.cli.options import AsJson, Out, ScaleName, Seed
from instincts.cli.table import notice, show_metrics

__all__ = ["demo"]


def demo(
    out: Out = Path("runs/demo"),
    scale: ScaleName = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Measure a small jailbreakable model, train it with its own confidence, measure it again, and write one page.

    For example:

    - `instincts demo --out runs/demo`
    """
    from instincts.config import Scale
    from instincts.studies.demo import run_demo

    outcome = run_demo(out, scale=Scale(scale) if scale else Scale.SMOKE, seed=seed)
    show_metrics(outcome.summary, as_json=as_json)
    notice(f"the page: {outcome.page}\nthe numbers: {out / 'metrics.json'}")

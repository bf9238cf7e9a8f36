"""Asks an analyst for the trees of given prompts, in memory; for measuring it where the true trees are known."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from instincts.analyst.growing import Grower
from instincts.analyst.lessons import TreeRow
from instincts.analyst.rows import Analysis
from instincts.analyst.settings import AnalysisSettings
from instincts.analyst.specialist import as_trained

if TYPE_CHECKING:
    from inspect_ai.model import Model

__all__ = ["try_analyst"]


def try_analyst(
    model: str,
    rows: Sequence[TreeRow],
    settings: AnalysisSettings,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> list[Analysis]:
    """Grow the tree of each prompt; a local model answers in batches.

    Args:
        model: a pocket name, a folder, a hub id, or `openai/NAME` of any Inspect provider.
        rows: the prompts, in any order; their trees are not looked at.
        settings: how it is asked, where its own folder does not say.
        progress: called with the prompts that are done and how many there are.

    Raises:
        ModelDirectoryError: the model does not open.
        EvaluationError: it failed.
    """
    import anyio
    from inspect_ai._util.platform import platform_init  # reads .env, as every entry of Inspect does; no public name
    from inspect_ai.model import GenerateConfig

    from instincts.models.target import opened, target

    found = target(model)
    how = as_trained(found, settings)
    analyst = opened(found, GenerateConfig())
    platform_init()
    return anyio.run(_grow_all, analyst, rows, how, progress)


async def _grow_all(
    analyst: "Model",
    rows: Sequence[TreeRow],
    settings: AnalysisSettings,
    progress: Callable[[int, int], None] | None,
) -> list[Analysis]:
    import anyio

    grower = Grower(analyst, settings)
    analyses: dict[int, Analysis] = {}

    async def work(number: int, row: TreeRow) -> None:
        analyses[number] = await grower.grow(row.turns, row.id)
        if progress is not None:
            progress(len(analyses), len(rows))

    async with anyio.create_task_group() as group:
        for number, row in enumerate(rows):
            group.start_soon(work, number, row)
    return [analyses[number] for number in range(len(rows))]

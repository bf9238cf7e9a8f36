"""Grows the trees of a prompt file into a folder, continued where an earlier run stopped.

Writes `trees.jsonl` line by line, then `metrics.json` and `run.json`. Started again with the same arguments it asks
only for what is missing. Must not know how a tree is asked for, nor what it is judged by.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from instincts.analyst.growing import Grower
from instincts.analyst.rows import TREES_FILE, Analysis, TreeFile, prompt_sha256
from instincts.analyst.settings import AnalysisSettings
from instincts.analyst.specialist import as_trained
from instincts.analyst.wording import templates_sha256
from instincts.errors import EvaluationError, PromptSetError
from instincts.prompts import Message, Prompt, read_prompts
from instincts.records import RUN_FILE, Metric, claim, new_run_card, write_metrics, write_run_card
from instincts.statistics import mean_interval, wilson
from instincts.statistics.intervals import Interval

if TYPE_CHECKING:
    from inspect_ai.model import Model

__all__ = ["AT_ONCE", "PATIENCE", "analyze"]

AT_ONCE = 512
"""Most prompts under way; a model's own connections decide how many requests are."""

PATIENCE = 20
"""After so many failures in a row a server is taken for gone, and the run stops with what it has."""

Progress = Callable[[int, int], None]


def analyze(
    model: str,
    prompts: str,
    *,
    out: Path,
    settings: AnalysisSettings,
    subject: Literal["prompt", "response"] = "prompt",
    max_connections: int | None = None,
    progress: Progress = lambda done, total: None,
) -> list[Metric]:
    """Grow the trees of prompts.

    Args:
        model: a pocket name, a folder, a hub id, or `openai/NAME` of any Inspect provider.
        prompts: a prompt file or the name of a set.
        out: the run folder; an unfinished one of the same run is continued.
        settings: how trees are grown.
        subject: what the trees are about: prompts, or the answers that a column `response` or a last turn of the
            assistant's holds.
        max_connections: most requests at once to a served model.
        progress: called with the prompts that are done and how many there are.

    Returns:
        The rows of `metrics.json`.

    Raises:
        ConfigError, PromptSetError, ModelDirectoryError: bad input, by name.
        RecordError: the folder holds another run.
        EvaluationError: the server went away; what is finished is kept.
    """
    import anyio
    from inspect_ai._util.platform import platform_init  # reads .env, as every entry of Inspect does; no public name
    from inspect_ai.model import GenerateConfig

    from instincts.models.target import opened, target

    found = target(model)
    settings = as_trained(found, settings)
    rows = read_prompts(prompts).limit(settings.limit)
    card = new_run_card(
        "analyze",
        settings={**settings.model_dump(), "subject": subject},
        data={prompts: rows.sha256, "templates": templates_sha256()},
        models={found.given: found.digest},
    )
    judged: Literal["response"] | None = "response" if subject == "response" else None
    for prompt in rows:
        _turns(prompt, judged)  # what is missing is said before a folder is taken
    claim(out, card, resume=(out / RUN_FILE).is_file())
    try:
        kept = TreeFile(out / TREES_FILE)
        analyst = opened(found, GenerateConfig(max_connections=max_connections))
        platform_init()
        failed = anyio.run(_grow_all, analyst, rows.rows, kept, settings, judged, progress)
        if failed:
            raise EvaluationError(
                f"{failed} of {len(rows)} prompts were not analysed, because the model failed; "
                "what is finished is kept, run the same command to continue"
            )
        analyses = [each for prompt in rows if (each := kept.find(*_key(prompt, judged))) is not None]
        metrics = list(_metrics(analyses, run=out.resolve().name, model=found.given, seed=settings.seed))
        write_metrics(out, metrics)
    except BaseException:
        write_run_card(out, card, status="interrupted")
        raise
    write_run_card(out, card, status="finished")
    return metrics


async def _grow_all(
    analyst: "Model",
    prompts: Sequence[Prompt],
    kept: TreeFile,
    settings: AnalysisSettings,
    subject: Literal["response"] | None,
    progress: Progress,
) -> int:
    import anyio

    grower = Grower(analyst, settings)
    missing = [prompt for prompt in prompts if kept.find(*_key(prompt, subject)) is None]
    done, failed, in_a_row = len(prompts) - len(missing), 0, 0
    queue = iter(missing)

    async def work() -> None:
        nonlocal done, failed, in_a_row
        for prompt in queue:
            if in_a_row >= PATIENCE:
                failed += 1
                continue
            try:
                analysis = await grower.grow(_turns(prompt, subject), prompt.id, subject=subject)
            except EvaluationError:
                failed, in_a_row = failed + 1, in_a_row + 1
                continue
            in_a_row = 0
            kept.add(analysis)
            done += 1
            progress(done, len(prompts))

    progress(done, len(prompts))
    async with anyio.create_task_group() as group:
        for _ in range(min(AT_ONCE, len(prompts))):
            group.start_soon(work)
    return failed


def _key(prompt: Prompt, subject: Literal["response"] | None) -> tuple[str, str]:
    return prompt.id, prompt_sha256([(turn.role, turn.content) for turn in _turns(prompt, subject)])


def _turns(prompt: Prompt, subject: Literal["response"] | None) -> tuple[Message, ...]:
    """Give what is judged: the prompt, or the prompt and the answer to it.

    Raises:
        PromptSetError: there is no answer.
    """
    if subject is None:
        return prompt.messages
    answer = prompt.metadata.get("response")
    if isinstance(answer, str) and answer.strip():
        return (*prompt.messages, Message("assistant", answer))
    if prompt.messages[-1].role == "assistant":
        return prompt.messages
    raise PromptSetError(
        f"prompt {prompt.id!r} holds no answer to judge; add a column `response`, or an assistant turn at the end"
    )


def _metrics(analyses: Sequence[Analysis], *, run: str, model: str, seed: int) -> Iterator[Metric]:
    trees = [each for each in analyses if each.tree is not None]
    first = sum(each.attempts == 1 for each in trees)
    leaves = [sum(1 for _ in each.tree.leaves()) for each in trees if each.tree is not None]
    measured: dict[str, Interval] = {
        "parse_rate_first": wilson(first, len(analyses)),
        "parse_rate": wilson(len(trees), len(analyses)),
        "no_verdict": Interval(float(len(analyses) - len(trees)), None, None, len(analyses)),
        "truncated_rate": wilson(sum(each.tree is not None and each.tree.truncated for each in trees), len(trees)),
        "capped_rate": wilson(sum(each.capped for each in trees), len(trees)),
        "dropped_leaves": Interval(float(sum(each.dropped for each in trees)), None, None, len(trees)),
        "windowed": Interval(float(sum(each.windows > 1 for each in analyses)), None, None, len(analyses)),
        "disagreement": mean_interval([each.disagreement for each in trees if each.disagreement is not None]),
        "leaves_per_tree": mean_interval(leaves),
        "tokens_per_prompt": mean_interval([each.tokens for each in analyses]),
    }
    for metric, (value, low, high, n) in measured.items():
        if metric == "disagreement" and not n:
            continue
        yield Metric(
            run=run, model=model, suite="analyze", slice="all", metric=metric, n=n, seed=seed,
            value=value, ci_low=low, ci_high=high,
        )  # fmt: skip

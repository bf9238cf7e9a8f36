"""Utility as Inspect tasks: questions with a right answer, decoded greedily. Can the model still do what it could?"""

from collections.abc import Sequence
from pathlib import Path

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset
from inspect_ai.model import GenerateConfig

from instincts import attacks as registry
from instincts.errors import ConfigError
from instincts.judges.scorers import skill
from instincts.prompts import PromptSet
from instincts.suites.questions import QUESTIONS, questions_named
from instincts.suites.samples import exact_samples, question_sample
from instincts.suites.selection import Selection, select
from instincts.suites.tasks import answered

__all__ = ["EXACT", "tasks_in", "utility"]

EXACT = "exact"
"""Questions of one's own, whose answer must equal a `target`."""


@task
def utility(
    prompts: str | list[str] = "pocket-skill",
    task: str | None = None,
    limit: int | None = None,
    seed: int = 0,
    max_tokens: int = 512,
) -> Task:
    """Questions with a right answer, decoded greedily.

    Args:
        prompts: files or named sets with commas between; of those with labels, the rows labelled `skill`.
        task: gsm8k, math, humaneval, mmlu, truthfulqa, ifeval, bbh, choice, or exact; by default what the rows are.
        limit: use only the first questions of each file.
        seed: of answers, for providers that are not deterministic at temperature 0.
        max_tokens: where an answer is cut.
    """
    chosen = select(prompts, "utility", limit)
    found = tasks_in(chosen.prompts)
    name = task or found[0]
    if name != EXACT:
        questions_named(name)
    if name not in found or (task is None and len(found) > 1):
        what = f"no question of task {name}" if name not in found else "questions of several tasks"
        raise ConfigError(f"{chosen.prompts.source} holds {what}; its tasks are {', '.join(found)}; name one with task")
    return _exact(chosen, seed, max_tokens) if name == EXACT else _published(chosen, name, seed, max_tokens)


def tasks_in(prompts: PromptSet) -> list[str]:
    """List the tasks that questions belong to, in order."""
    return list(dict.fromkeys(_task_of(row.metadata.get("task")) for row in prompts))


def _exact(chosen: Selection, seed: int, max_tokens: int) -> Task:
    rows = tuple(row for row in chosen.prompts if _task_of(row.metadata.get("task")) == EXACT)
    prompts = PromptSet(rows, chosen.prompts.source)
    return Task(
        dataset=MemoryDataset(exact_samples("utility", prompts, registry.get("plain")), name=prompts.source),
        solver=answered(seed=seed),
        scorer=skill(),
        config=GenerateConfig(temperature=0.0, max_tokens=max_tokens),
        version=chosen.version,
        metadata=chosen.metadata,
    )


def _published(chosen: Selection, name: str, seed: int, max_tokens: int) -> Task:
    questions = questions_named(name)
    questions.check()
    file = _file_of(list(chosen.files), chosen.prompts)
    samples = [
        question_sample(row, questions.sample(row, file), name, questions.judged_by)
        for row in chosen.prompts
        if row.metadata.get("task") == name
    ]
    dataset = MemoryDataset(samples, name=chosen.prompts.source)
    if questions.shuffles:
        dataset.shuffle_choices(seed=_SHUFFLE_SEED)
    return Task(
        dataset=dataset,
        solver=questions.solver(),
        scorer=questions.scorer(),
        config=GenerateConfig(temperature=0.0, max_tokens=max_tokens, seed=seed),
        sandbox="docker" if questions.sandboxed else None,
        version=chosen.version,
        metadata=chosen.metadata,
    )


def _file_of(files: Sequence[str], prompts: PromptSet) -> str:
    return Path(files[0].rpartition("=")[2]).name if files else prompts.source


def _task_of(name: object) -> str:
    return str(name) if name in QUESTIONS else EXACT


_SHUFFLE_SEED = 42
"""That of `inspect_evals`, so that options stand in the same order."""

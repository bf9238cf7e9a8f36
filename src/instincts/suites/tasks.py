"""The suites as Inspect tasks: prompts crossed with attacks, answered, judged.

Parameters are plain values, because Inspect finds the logs of a task by them; `inspect eval instincts/jailbreak -T
limit=5` sets them, and makes a list of a value with commas. Answers are drawn at temperature 1 from the whole
distribution, as the rates are about what a model does, not about its likeliest answer; tasks with an exact answer are
decoded greedily.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from hashlib import sha256
from typing import Any, NamedTuple

from inspect_ai import Epochs, Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import GenerateConfig
from inspect_ai.scorer import Scorer
from inspect_ai.solver import Generate, Solver, TaskState, solver

from instincts import attacks as registry
from instincts import judges
from instincts.attacks.attack import Attack
from instincts.attacks.solvers import LOOP_JUDGE, attack
from instincts.errors import ConfigError
from instincts.judges.registry import Judge
from instincts.judges.scorers import scorer_named, skill
from instincts.prompts import NAMED, PromptSet, read_prompts
from instincts.suites.samples import attacked_samples, exact_samples

__all__ = ["answered", "jailbreak", "overrefusal", "pocket", "utility"]


@task
def jailbreak(
    prompts: str = "pocket-harmful",
    attacks: str | list[str] | None = None,
    judge: str | list[str] | None = None,
    limit: int | None = None,
    samples: int = 1,
    seed: int = 0,
    max_tokens: int = 512,
    budget: int | None = None,
    loop_judge: str = LOOP_JUDGE,
) -> Task:
    """Harmful requests under every attack: does the model defend itself?

    Args:
        prompts: a file or a named set; of one with labels, the rows labelled `harmful`.
        attacks: attacks or families with commas between; by default `plain,pocket` on the pocket's prompts, else
            `plain`.
        judge: judges with commas between, the first counts; by default the exact oracle on the pocket's prompts, else
            `refusal`.
        limit: use only the first prompts.
        samples: answers to each attacked prompt.
        seed: of attacks and answers.
        max_tokens: where an answer is cut.
        budget: most questions that a searching attack puts to the model for one goal; by default each attack's own.
        loop_judge: the judge that steers searching attacks; never the first of `judge`.
    """
    chosen = _read(prompts, "harmful", limit)
    expanded = registry.expand(attacks or _default_attacks(chosen))
    search = _Search(expanded, budget, loop_judge)
    rows = attacked_samples("jailbreak", chosen, expanded)
    return _sampled([chosen], rows, judge or _default_judge(chosen), search, samples, seed, max_tokens)


@task
def overrefusal(
    prompts: str = "pocket-benign",
    attacks: str | list[str] | None = None,
    judge: str | list[str] | None = None,
    limit: int | None = None,
    samples: int = 1,
    seed: int = 0,
    max_tokens: int = 512,
    budget: int | None = None,
    loop_judge: str = LOOP_JUDGE,
) -> Task:
    """Benign requests, plain and under the same attacks: does the model still answer?

    Arguments as for `jailbreak`; of a prompt file with labels, the rows labelled `benign`.
    """
    chosen = _read(prompts, "benign", limit)
    expanded = registry.expand(attacks or _default_attacks(chosen))
    search = _Search(expanded, budget, loop_judge)
    rows = attacked_samples("overrefusal", chosen, expanded)
    return _sampled([chosen], rows, judge or _default_judge(chosen), search, samples, seed, max_tokens)


@task
def utility(prompts: str = "pocket-skill", limit: int | None = None, seed: int = 0, max_tokens: int = 512) -> Task:
    """Questions with one exact answer, decoded greedily: can the model still do what it could?

    Args:
        prompts: a file or a named set, each row with a `target`; of one with labels, the rows labelled `skill`.
        limit: use only the first questions.
        seed: of answers, for providers that are not deterministic at temperature 0.
        max_tokens: where an answer is cut.
    """
    chosen = _read(prompts, "skill", limit)
    return Task(
        dataset=MemoryDataset(exact_samples("utility", chosen, registry.get("plain")), name=chosen.source),
        solver=answered(seed=seed),
        scorer=skill(),
        config=GenerateConfig(temperature=0.0, max_tokens=max_tokens),
        version=_version([chosen]),
        metadata=_provenance([chosen]),
    )


@task
def pocket(
    attacks: str | list[str] | None = None,
    judge: str | list[str] | None = None,
    limit: int | None = None,
    questions: int | None = None,
    samples: int = 1,
    seed: int = 0,
    max_tokens: int = 128,
    budget: int | None = None,
    loop_judge: str = LOOP_JUDGE,
) -> Task:
    """All three on the pocket's held-out prompts, by default with its wrappers and its oracle, in one task.

    Args:
        attacks: attacks or families with commas between; by default `plain,pocket`.
        judge: judges with commas between, the first counts; by default the exact oracle.
        limit: use only the first harmful and the first benign prompts.
        questions: use only the first questions.
        samples: answers to each attacked prompt; a question is decoded greedily, so one counts.
        seed: of attacks and answers.
        max_tokens: where an answer is cut.
        budget: most questions that a searching attack puts to the model for one goal; by default each attack's own.
        loop_judge: the judge that steers searching attacks; never the first of `judge`.
    """
    harmful, benign = _read("pocket-harmful", "harmful", limit), _read("pocket-benign", "benign", limit)
    skills = _read("pocket-skill", "skill", questions)
    expanded = registry.expand(attacks or _default_attacks(harmful))
    rows = [
        *attacked_samples("jailbreak", harmful, expanded),
        *attacked_samples("overrefusal", benign, expanded),
        *exact_samples("utility", skills, registry.get("plain")),
    ]
    sets, search = [harmful, benign, skills], _Search(expanded, budget, loop_judge)
    return _sampled(sets, rows, judge or _default_judge(harmful), search, samples, seed, max_tokens, [skill()])


@solver
def answered(seed: int = 0, budget: int | None = None, loop_judge: str = LOOP_JUDGE) -> Solver:
    """Attack as the sample says and let the model answer, greedily where there is an exact answer."""
    sampled = attack(seed=seed, budget=budget, loop_judge=loop_judge)

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        return await sampled(state, partial(generate, temperature=0.0) if state.target.text else generate)

    return solve


class _Search(NamedTuple):
    """How the attacks that search are steered."""

    attacks: Sequence[Attack]
    budget: int | None
    loop_judge: str

    def solver(self, seed: int, counting: Judge) -> Solver:
        """Make the solver; `counting` is the judge whose verdict counts.

        Raises:
            ConfigError: a search would be steered by that judge.
        """
        # A search without a budget asks nothing of its target, so nothing steers it.
        searching = next((each.name for each in self.attacks if each.budget), None)
        if searching is not None and judges.get(self.loop_judge).name == counting.name:
            raise ConfigError(
                f"attack {searching} would be steered by {counting.name}, whose verdict counts; give another --judge, "
                "or another judge of the search with --loop-judge"
            )
        return answered(seed=seed, budget=self.budget, loop_judge=self.loop_judge)


def _sampled(
    sets: Sequence[PromptSet],
    rows: Sequence[Sample],
    judge: str | list[str],
    search: _Search,
    samples: int,
    seed: int,
    max_tokens: int,
    more_scorers: Sequence[Scorer] = (),
) -> Task:
    expanded = judges.expand(judge)
    return Task(
        dataset=MemoryDataset(list(rows), name=", ".join(chosen.source for chosen in sets)),
        solver=search.solver(seed, expanded[0]),
        scorer=[*(scorer_named(each.name) for each in expanded), *more_scorers],
        config=GenerateConfig(temperature=1.0, top_p=1.0, max_tokens=max_tokens),
        epochs=Epochs(samples),
        version=_version(sets),
        metadata=_provenance(sets) | {"attack_files": _attack_files(search.attacks)},
    )


def _read(source: str, label: str, limit: int | None) -> PromptSet:
    chosen = read_prompts(source)
    labels = {row.label for row in chosen}
    # A file that speaks the three labels is divided by them; any other file is what the suite was given it for.
    if labels & _LABELS:
        chosen = replace(chosen, rows=tuple(row for row in chosen if row.label == label))
        if not chosen.rows:
            raise ConfigError(
                f"no prompt of {source} is labelled {label!r}; its labels are {', '.join(sorted(map(str, labels)))}"
            )
    return chosen.limit(limit)


def _default_attacks(prompts: PromptSet) -> str:
    return "plain,pocket" if prompts.source in NAMED else "plain"


def _default_judge(prompts: PromptSet) -> str:
    return "pocket" if prompts.source in NAMED else "refusal"


def _provenance(sets: Sequence[PromptSet]) -> dict[str, Any]:
    # Of the whole file, which a user can check; the rows that a suite took of it are in the task's version.
    return {"prompts": {chosen.source: read_prompts(chosen.source).sha256 for chosen in sets}}


def _attack_files(attacks: Sequence[Attack]) -> dict[str, str]:
    """Templates of ours and files of the user's that decide what is sent, with their hashes."""
    return {file: digest for attack in attacks if attack.sources for file, digest in attack.sources().items()}


def _version(sets: Sequence[PromptSet]) -> str:
    # Inspect reuses the logs of a task of the same version: other prompts under the same path are another version.
    return sha256("".join(chosen.sha256 for chosen in sets).encode()).hexdigest()[:12]


_LABELS = {"harmful", "benign", "skill"}

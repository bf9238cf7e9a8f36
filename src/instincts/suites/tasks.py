"""The suites that attack, as Inspect tasks: prompts crossed with attacks, answered, judged.

Parameters are plain values, because Inspect finds the logs of a task by them; `inspect eval instincts/jailbreak -T
limit=5` sets them, and makes a list of a value with commas. Answers are drawn at temperature 1 from the whole
distribution, as the rates are about what a model does, not about its likeliest answer; tasks with an exact answer are
decoded greedily.
"""

from collections.abc import Sequence
from functools import partial
from hashlib import sha256
from typing import NamedTuple

from inspect_ai import Epochs, Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import GenerateConfig
from inspect_ai.scorer import Scorer
from inspect_ai.solver import Generate, Solver, TaskState, solver

from instincts import attacks as registry
from instincts import judges
from instincts.attacks.attack import Attack
from instincts.attacks.contrast import read_contrast
from instincts.attacks.solvers import LOOP_JUDGE, attack
from instincts.errors import ConfigError
from instincts.judges.registry import Judge
from instincts.judges.scorers import scorer_named, skill
from instincts.suites.fitting import STATIC, named
from instincts.suites.samples import attacked_samples, exact_samples
from instincts.suites.selection import Selection, select

__all__ = ["answered", "default_attacks", "default_judge", "entropy_gap", "jailbreak", "overrefusal", "pocket"]


@task
def jailbreak(
    prompts: str | list[str] = "pocket-harmful",
    attacks: str | list[str] | None = None,
    judge: str | list[str] | None = None,
    limit: int | None = None,
    samples: int = 1,
    seed: int = 0,
    max_tokens: int = 512,
    budget: int | None = None,
    loop_judge: str = LOOP_JUDGE,
    contrast: str | None = None,
) -> Task:
    """Harmful requests under every attack: does the model defend itself?

    Args:
        prompts: files or named sets with commas between; of those with labels, the rows labelled `harmful` (else
            `unsafe`).
        attacks: attacks or families with commas between, or `static`; by default `plain,pocket` on the pocket's
            prompts, else `static`, every attack that only rewrites.
        judge: judges with commas between, the first counts; by default the exact oracle on the pocket's prompts, else
            `refusal`.
        limit: use only the first prompts of each file.
        samples: answers to each attacked prompt.
        seed: of attacks and answers.
        max_tokens: where an answer is cut.
        budget: most questions that a searching attack puts to the model for one goal; by default each attack's own.
        loop_judge: the judge that steers searching attacks; never the first of `judge`.
        contrast: labelled requests that some attacks are fitted on; by default the pocket's on the pocket's prompts.
    """
    chosen = select(prompts, "jailbreak", limit)
    expanded = named(attacks or default_attacks(chosen, "jailbreak"))
    search = _Search(expanded, budget, loop_judge, contrast or _default_contrast(chosen))
    rows = attacked_samples("jailbreak", chosen.prompts, expanded)
    return _sampled([chosen], rows, judge or default_judge(chosen), search, samples, seed, max_tokens)


@task
def overrefusal(
    prompts: str | list[str] = "pocket-benign",
    attacks: str | list[str] | None = None,
    judge: str | list[str] | None = None,
    limit: int | None = None,
    samples: int = 1,
    seed: int = 0,
    max_tokens: int = 512,
    budget: int | None = None,
    loop_judge: str = LOOP_JUDGE,
) -> Task:
    """Benign requests, plain and in the same wrappers: does the model still answer?

    Arguments as for `jailbreak`. Of files with labels, the rows labelled `safe` and `unsafe` (else `benign`); the
    unsafe half is a control. By default `plain,pocket` on the pocket's prompts, else `plain`; an attack that searches
    has nothing to look for in a benign request and is passed over, as are judges that look for harm alone.
    """
    chosen = select(prompts, "overrefusal", limit)
    expanded = [each for each in named(attacks or default_attacks(chosen, "overrefusal")) if each.is_rewriting]
    search = _Search(expanded or registry.expand("plain"), budget, loop_judge)
    rows = attacked_samples("overrefusal", chosen.prompts, search.attacks)
    wanted = judge or default_judge(chosen)
    seeing = [each.name for each in judges.expand(wanted) if each.sees_refusals]
    if not seeing:
        raise ConfigError(
            f"judge {judges.expand(wanted)[0].name} looks for harm, of which safe prompts have none; "
            "add another --judge for suite overrefusal, for example refusal"
        )
    return _sampled([chosen], rows, seeing, search, samples, seed, max_tokens)


@task
def entropy_gap(
    prompts: str | list[str] = "pocket-harmful,pocket-benign",
    attacks: str | list[str] | None = None,
    judge: str | list[str] | None = None,
    limit: int | None = None,
    samples: int = 8,
    seed: int = 0,
    max_tokens: int = 512,
) -> Task:
    """Harmful and benign requests, plain and wrapped, many answers each: how sure is a refusal, how sure a compliance?

    Arguments as for `jailbreak`; files must hold harmful rows and benign (or safe) ones, the control. With two judges
    only answers on which they agree count.
    """
    harmful, benign = select(prompts, "harmful", limit), select(prompts, "benign", limit)
    wanted = named(attacks or ("plain,pocket" if harmful.is_pocket else "plain"))
    # A search looks for nothing in a benign request, and here both halves are asked alike.
    expanded = [each for each in wanted if each.is_rewriting] or registry.expand("plain")
    rows = [row for chosen in (harmful, benign) for row in attacked_samples("entropy_gap", chosen.prompts, expanded)]
    # Both halves may number their rows alike.
    rows = [row.model_copy(update={"id": f"{(row.metadata or {}).get('label')}/{row.id}"}) for row in rows]
    search = _Search(expanded, None, LOOP_JUDGE)
    return _sampled([harmful, benign], rows, judge or default_judge(harmful), search, samples, seed, max_tokens)


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
    contrast: str | None = None,
) -> Task:
    """Defence, over-refusal and skills on the pocket's held-out prompts, by default with its wrappers and its oracle.

    One task, so that the prompts of all three share batches.

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
        contrast: labelled requests that some attacks are fitted on; by default the pocket's on the pocket's prompts.
    """
    harmful, benign = select("pocket-harmful", "jailbreak", limit), select("pocket-benign", "overrefusal", limit)
    skills = select("pocket-skill", "utility", questions)
    expanded = named(attacks or default_attacks(harmful, "jailbreak"))
    rows = [
        *attacked_samples("jailbreak", harmful.prompts, expanded),
        *attacked_samples("overrefusal", benign.prompts, [each for each in expanded if each.is_rewriting]),
        *exact_samples("utility", skills.prompts, registry.get("plain")),
    ]
    sets = [harmful, benign, skills]
    search = _Search(expanded, budget, loop_judge, contrast or _default_contrast(harmful))
    return _sampled(sets, rows, judge or default_judge(harmful), search, samples, seed, max_tokens, [skill()])


@solver
def answered(
    seed: int = 0, budget: int | None = None, loop_judge: str = LOOP_JUDGE, contrast: str | None = None
) -> Solver:
    """Attack as the sample says and let the model answer, greedily where there is an exact answer."""
    sampled = attack(seed=seed, budget=budget, loop_judge=loop_judge, contrast=contrast)

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        return await sampled(state, partial(generate, temperature=0.0) if state.target.text else generate)

    return solve


def default_attacks(chosen: Selection, suite: str) -> str:
    """Name the attacks of a suite that was given none."""
    if chosen.is_pocket:
        return "plain,pocket"
    return STATIC if suite == "jailbreak" else "plain"


def default_judge(chosen: Selection) -> str:
    """Name the judge of a suite that was given none."""
    return "pocket" if chosen.is_pocket else "refusal"


class _Search(NamedTuple):
    """How the attacks that search are steered."""

    attacks: Sequence[Attack]
    budget: int | None
    loop_judge: str
    contrast: str | None = None

    def fitted_on(self, sets: Sequence[Selection]) -> dict[str, str]:
        """Name the contrast that attacks are fitted on, with its hash; nothing where none needs one.

        Raises:
            ConfigError: there is none, too few requests in it, or one of those that are evaluated.
        """
        needing = next((each.name for each in self.attacks if each.needs_contrast), None)
        if needing is None:
            return {}
        contrast = read_contrast(self.contrast, needing)
        for row in [row for chosen in sets for row in chosen.prompts]:
            contrast.check_apart(row.request)
        return {f"contrast {contrast.source}": contrast.sha256}

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
        return answered(seed=seed, budget=self.budget, loop_judge=self.loop_judge, contrast=self.contrast)


def _sampled(
    sets: Sequence[Selection],
    rows: Sequence[Sample],
    judge: str | list[str],
    search: _Search,
    samples: int,
    seed: int,
    max_tokens: int,
    more_scorers: Sequence[Scorer] = (),
) -> Task:
    expanded = judges.expand(judge)
    for row in rows:
        # A search asks its questions under the same limit as the judged answer.
        row.metadata = {**(row.metadata or {}), "max_tokens": max_tokens}
    return Task(
        dataset=MemoryDataset(list(rows), name=", ".join(chosen.prompts.source for chosen in sets)),
        solver=search.solver(seed, expanded[0]),
        scorer=[*(scorer_named(each.name) for each in expanded), *more_scorers],
        config=GenerateConfig(temperature=1.0, top_p=1.0, max_tokens=max_tokens),
        epochs=Epochs(samples),
        version=sha256("".join(chosen.version for chosen in sets).encode()).hexdigest()[:12],
        metadata={
            "prompts": {name: digest for chosen in sets for name, digest in chosen.files.items()},
            "attack_files": _attack_files(search.attacks) | search.fitted_on(sets),
        },
    )


def _default_contrast(chosen: Selection) -> str | None:
    return "pocket-contrast" if chosen.is_pocket else None


def _attack_files(attacks: Sequence[Attack]) -> dict[str, str]:
    """Templates of ours and files of the user's that decide what is sent, with their hashes."""
    return {file: digest for attack in attacks if attack.sources for file, digest in attack.sources().items()}

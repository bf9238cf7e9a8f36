"""What a run will ask, settled and checked before anything is asked: suites, prompts, attacks, what was trained on.

Knows the settings and the names of the models; must not open a model or compute a rate.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from functools import partial

from inspect_ai import Task, task_with
from inspect_ai.dataset import Sample

from instincts import attacks as registry
from instincts import judges
from instincts.attacks.attack import Messages
from instincts.attacks.solvers import LOOP_JUDGE
from instincts.errors import ConfigError, unknown_name
from instincts.judges.moderators import moderator_of
from instincts.models.scored import SCORED, read_scored, request_sha256
from instincts.prompts import PromptSet, read_prompts
from instincts.prompts.named import LABELS
from instincts.suites import tasks
from instincts.suites.fitting import ALL, STATIC, Fit, fit, named
from instincts.suites.likelihood import check_likelihood
from instincts.suites.moderation.sets import labelled_sets
from instincts.suites.moderation.tasks import moderation
from instincts.suites.room import keep_longest, misfits
from instincts.suites.selection import Selection, select, sources_of
from instincts.suites.settings import EvaluationSettings
from instincts.suites.target import Target
from instincts.suites.utility import tasks_in, utility

__all__ = ["SUITES", "Plan", "answers_of", "plan"]

SUITES = ("entropy_gap", "jailbreak", "likelihood", "moderation", "overrefusal", "pocket", "utility")


@dataclass(kw_only=True)
class Plan:
    """A run that can begin."""

    makers: list[Callable[[], Task]] = field(default_factory=list)
    """Make the tasks; a task is used once, and every group of models needs its own."""
    tested: list[tuple[str, PromptSet]] = field(default_factory=list)
    """What is asked, by suite."""
    data: dict[str, str] = field(default_factory=dict)
    """Every file or set that decides what is sent, and its hash."""
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Attacks that `all` or `static` does not mean here, and why."""
    likelihood: Selection | None = None
    """The questions of the suite that is no Inspect task."""

    no_room: frozenset[str] = frozenset()
    """Attacks of common names whose prompts do not fit the context of a model; they are in `left_out` too."""

    sizes: Counter[str] = field(default_factory=Counter)
    """How many answers each attack asks of a model."""

    @property
    def answers(self) -> int:
        """How many answers a model will give."""
        return sum(size for attack, size in self.sizes.items() if attack not in self.no_room)

    def tasks(self) -> Iterator[Task]:
        """Make one task after the other, without the attacks that there is no room for."""
        for make in self.makers:
            task = make()
            if self.no_room:
                task.dataset = task.dataset.filter(self._has_room)
            if len(task.dataset):
                yield task

    def bundles(self, models: int) -> Iterator[list[Task]]:
        """Gather what is run together: as many tasks as share batches well, and no more than memory holds.

        Inspect starts a coroutine for every sample of a run at once and keeps some of each until its task ends, 21 kB
        together. So a large run is many runs of a few thousand answers, and a task of more is cut (its slices carry
        their number in the version, by which Inspect finds their logs again). The rows are the same: answers of
        several logs of a suite are pooled.

        Args:
            models: how many answer at once.
        """
        most = max(_MOST_ANSWERS // models, 1)
        bundle: list[Task] = []
        filled = 0
        for task in self.tasks():
            for part in _slices(task, most):
                size = answers_of(part)
                if bundle and filled + size > most:
                    yield bundle
                    bundle, filled = [], 0
                bundle.append(part)
                filled += size
        if bundle:
            yield bundle

    def _has_room(self, sample: Sample) -> bool:
        return _attack_of(sample) not in self.no_room


def plan(settings: EvaluationSettings, targets: Sequence[Target]) -> Plan:
    """Settle a run.

    Raises:
        ConfigError: an unknown suite, attack, judge, task or set; an attack that a model does not allow; a suite
            without prompts.
        PromptSetError: a prompt file that is missing or broken.
    """
    default = "pocket" if settings.prompts is None and settings.task is None else "jailbreak"
    if settings.suite is None and settings.task is not None:
        default = "utility"
    suites = list(dict.fromkeys(name.strip() for name in (settings.suite or default).split(",")))
    _check_labels(suites, settings)
    _check_roles(settings.model_roles)
    if settings.judge:
        judges.check_roles(judges.expand(settings.judge), settings.model_roles)
    made = Plan()
    fitted = _fitted(settings, targets)
    if fitted is not None:
        made.left_out = fitted.left_out
    for suite in suites:
        _add(made, suite, settings, fitted, targets)
    # Made once and thrown away, one after the other: what does not fit is told before anything is written.
    longest: dict[str, Messages] = {}
    is_any_local = any(target.is_local for target in targets)
    for task in made.tasks():
        for sample in task.dataset:
            made.sizes[_attack_of(sample)] += task.epochs or 1
        for kind in ("prompts", "attack_files"):
            made.data |= (task.metadata or {}).get(kind, {})
        if is_any_local:
            keep_longest(longest, task.dataset, settings.seed)
    _leave_room(made, misfits(longest, targets), settings)
    return made


def _leave_room(made: Plan, no_room: Mapping[str, str], settings: EvaluationSettings) -> None:
    """Leave out attacks of common names that do not fit a model, and refuse those that were named."""
    if not no_room:
        return
    words = [word.strip() for word in (settings.attack or "").split(",")]
    wanted = [word for word in words if word not in ("", ALL, STATIC)]
    by_name = {"plain", *(each.name for each in named(wanted))}
    for attack in by_name & set(no_room):
        raise ConfigError(f"{no_room[attack]}; leave it or the long prompts out, or choose a model with more room")
    made.no_room = frozenset(no_room)
    made.left_out = {**made.left_out, **no_room}


def _fitted(settings: EvaluationSettings, targets: Sequence[Target]) -> Fit | None:
    if settings.attack is None:
        return None
    # The pocket's prompts come with requests to fit on.
    has_contrast = settings.contrast is not None or settings.prompts is None
    return fit(settings.attack, targets, settings.model_roles, clash=_clash(settings), has_contrast=has_contrast)


def _clash(settings: EvaluationSettings) -> str | None:
    """Name the judge that would both steer the searches and count, if it is one."""
    is_pocket = settings.prompts is None
    counting = judges.expand(settings.judge)[0].name if settings.judge else "pocket" if is_pocket else "refusal"
    steering = judges.get(settings.loop_judge or LOOP_JUDGE).name
    return counting if counting == steering else None


def _add(made: Plan, suite: str, settings: EvaluationSettings, fitted: Fit | None, targets: Sequence[Target]) -> None:
    limit, samples, seed, cut = settings.limit, settings.samples, settings.seed, settings.max_tokens
    # Spelt out, so that two ways to name the same attacks are the same task to Inspect.
    attack = ",".join(each.spec or each.name for each in fitted.attacks) if fitted else None
    judge = ",".join(each.name for each in judges.expand(settings.judge)) if settings.judge else None
    search = (settings.budget, settings.loop_judge or LOOP_JUDGE)
    contrast = settings.contrast
    match suite:
        case "jailbreak":
            source = settings.prompts or "pocket-harmful"
            chosen = select(source, "jailbreak", limit)
            put = attack or _default_attack(made, chosen, settings, targets)
            for part in _parts(put, len(chosen.prompts) * samples):
                made.makers.append(
                    partial(tasks.jailbreak, source, part, judge, limit, samples, seed, cut, *search, contrast)
                )
            made.tested.append((suite, chosen.prompts))
        case "overrefusal":
            source = settings.prompts or "pocket-benign"
            asked = select(source, "overrefusal", limit).prompts
            for part in _parts(attack, len(asked) * samples):
                made.makers.append(partial(tasks.overrefusal, source, part, judge, limit, samples, seed, cut, *search))
            made.tested.append((suite, asked))
        case "entropy_gap":
            source = settings.prompts or "pocket-harmful,pocket-benign"
            _add_entropy_gap(made, source, attack, judge, settings, limit)
            made.tested += [(suite, select(source, half, limit).prompts) for half in ("harmful", "benign")]
        case "utility":
            _add_utility(made, settings)
        case "likelihood":
            chosen = select(settings.prompts or "pocket-skill", "likelihood", settings.questions or limit)
            check_likelihood(chosen, list(targets))
            made.likelihood = chosen
            made.data |= chosen.files
            made.tested.append((suite, chosen.prompts))
        case "moderation":
            for found in targets:
                moderator_of(found.given, settings.moderator)
                _check_scored(found, settings)
            source = settings.prompts or "pocket"
            made.makers.append(partial(moderation, source, settings.moderator, limit))
            made.tested += [(suite, each.chosen.prompts) for each in labelled_sets(source, limit)]
        case "pocket":
            if settings.prompts:
                raise ConfigError("suite pocket has its own prompts; with a file use --suite jailbreak or another")
            questions = settings.questions or limit
            made.makers.append(
                partial(tasks.pocket, attack, judge, limit, questions, samples, seed, cut, *search, contrast)
            )
            # Many answers a prompt: a few prompts tell as much.
            few = None if limit is None else max(limit // 4, 2)
            _add_entropy_gap(made, "pocket-harmful,pocket-benign", attack, judge, settings, few)
            made.tested += [
                ("jailbreak", select("pocket-harmful", "jailbreak", limit).prompts),
                ("overrefusal", select("pocket-benign", "overrefusal", limit).prompts),
                ("utility", select("pocket-skill", "utility", questions).prompts),
            ]
        case _:
            raise unknown_name("suite", suite, SUITES)


def _parts(attack: str | None, samples: int) -> list[str | None]:
    """Share attacks out over several tasks where the samples of one would be too many to hold at once.

    Args:
        attack: attacks with commas between.
        samples: how many each of them makes.
    """
    if attack is None:
        return [None]
    names, together = attack.split(","), max(_MOST_ANSWERS // max(samples, 1), 1)
    return [",".join(names[start : start + together]) for start in range(0, len(names), together)]


def _slices(task: Task, most: int) -> Iterator[Task]:
    """Cut a task into tasks of at most so many answers."""
    size = max(most // (task.epochs or 1), 1)
    if len(task.dataset) <= size:
        yield task
        return
    for number, start in enumerate(range(0, len(task.dataset), size), 1):
        yield task_with(copy(task), dataset=task.dataset[start : start + size], version=f"{task.version}.{number}")


def answers_of(task: Task) -> int:
    """Count the answers that a task asks of a model."""
    return len(task.dataset) * (task.epochs or 1)


def _attack_of(sample: Sample) -> str:
    return str((sample.metadata or {}).get("attack", ""))


def _default_attack(
    made: Plan, chosen: Selection, settings: EvaluationSettings, targets: Sequence[Target]
) -> str | None:
    """Leave out of the default what a model does not allow; None where it allows all of it."""
    if tasks.default_attacks(chosen, "jailbreak") != STATIC:
        return None
    fitted = fit(STATIC, targets, settings.model_roles)
    made.left_out = {**made.left_out, **fitted.left_out}
    return ",".join(each.name for each in fitted.attacks)


def _add_entropy_gap(
    made: Plan, source: str, attack: str | None, judge: str | None, settings: EvaluationSettings, limit: int | None
) -> None:
    samples = max(settings.samples, _ENTROPY_SAMPLES)
    made.makers.append(
        partial(tasks.entropy_gap, source, attack, judge, limit, samples, settings.seed, settings.max_tokens)
    )


def _add_utility(made: Plan, settings: EvaluationSettings) -> None:
    limit = settings.questions or settings.limit
    wanted = [name.strip() for name in settings.task.split(",")] if settings.task else []
    # A task that was named and given no file is looked for on the hub, under the name of its set.
    source = settings.prompts or ",".join(wanted) or "pocket-skill"
    chosen = select(source, "utility", limit)
    for name in wanted or tasks_in(chosen.prompts):
        made.makers.append(partial(utility, source, name, limit, settings.seed, settings.max_tokens))
    made.tested.append(("utility", chosen.prompts))


def _check_roles(given: Mapping[str, str]) -> None:
    """Refuse a role that nothing asks, which is nearly always a misspelt one."""
    known = (
        {role for name in registry.names() for role in registry.get(name).roles} | judges.roles() if given else set()
    )
    for role in given:
        if role not in known:
            raise unknown_name("model role", role, known)


def _check_scored(found: Target, settings: EvaluationSettings) -> None:
    """Refuse stored verdicts that are on other requests altogether; single ones without a verdict are counted."""
    if not found.given.startswith(f"{SCORED}/"):
        return
    known = read_scored(found.given.removeprefix(f"{SCORED}/")).by_request
    rows = [row for each in labelled_sets(settings.prompts or "pocket", settings.limit) for row in each.chosen.prompts]
    if not any(request_sha256(row.request) in known for row in rows):
        raise ConfigError(
            f"{found.given} holds no verdict on any of these {len(rows)} requests; grow trees for the same prompts "
            "with `instincts analyze MODEL --prompts FILE`, then `instincts score`"
        )


def _check_labels(suites: Sequence[str], settings: EvaluationSettings) -> None:
    """Refuse rows of which nobody knows which of several suites they are for."""
    if len(suites) < 2 or settings.prompts is None:
        return
    for source in sources_of(settings.prompts):
        if silent := [row.id for row in read_prompts(source) if row.label not in LABELS]:
            if len(silent) < len(read_prompts(source)):
                continue
            raise ConfigError(
                f"no row of {source} says which of the suites {', '.join(suites)} it is for; add a column `label` "
                f"({', '.join(LABELS)}), or write --prompts harmful={source}"
            )


_MOST_ANSWERS = 4000
"""Of all models of a bundle together."""
_ENTROPY_SAMPLES = 8
"""Answers to each prompt, at the least: prompts that show both a refusal and a compliance are what tells."""

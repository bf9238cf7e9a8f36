"""Runs suites on models: the logs, the run card and the rows, continued where an earlier run stopped.

Inspect does the work (`eval_set`): it keeps what is finished and runs only what is missing. This module decides what
may share a folder: the same settings, prompts and model contents, or nothing. Must not know how rates are computed.
"""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import rich
from inspect_ai import Task, eval_set
from inspect_ai.log import EvalLog
from inspect_ai.model import Model

from instincts.errors import ConfigError, EvaluationError, RecordError
from instincts.models.entry_points import load_entry_points
from instincts.records import RUN_FILE, Metric, RunCard, new_run_card, read_run_card, write_metrics, write_run_card
from instincts.suites.answers import read_answers
from instincts.suites.likelihood import likelihood_rows
from instincts.suites.planning import SUITES, Plan, answers_of, plan
from instincts.suites.rows import rows_from_answers
from instincts.suites.seen import look_for_seen_rows
from instincts.suites.settings import EvaluationSettings, ServingSettings
from instincts.suites.target import Target, open_target, target

__all__ = ["LOGS_FOLDER", "SUITES", "Display", "evaluate"]

LOGS_FOLDER = "logs"
LIKELIHOOD_FOLDER = "likelihood"

Display = Literal["none", "plain", "rich", "full"]
"""How Inspect shows progress; `none` is silent and fastest."""


def evaluate(
    models: Sequence[str],
    settings: EvaluationSettings,
    *,
    out: Path,
    run: str | None = None,
    display: Display = "none",
    serving: ServingSettings | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> list[Metric]:
    """Measure models and write `logs/*.eval`, `metrics.json` and `run.json` into a folder.

    Called again with the same arguments it runs only what is missing; a finished folder runs nothing.

    Args:
        models: pocket names, folders, hub ids, or names of any Inspect provider such as `openai/NAME`.
        settings: what to measure.
        out: the run folder.
        run: the name in the rows' `run` column; by default the folder's.
        display: how progress is shown.
        serving: how served models are asked.
        say: told, before anything is asked, which rows the models were trained on and which attacks are left out.

    Returns:
        The rows of `metrics.json`.

    Raises:
        ConfigError: an unknown suite, attack, judge, task or prompt set, a setting that does not fit the suite, or an
            attack that a model does not allow.
        PromptSetError: a prompt file that is missing or broken.
        ModelDirectoryError: a model that does not open.
        RecordError: the folder holds a run with other settings, prompts or model contents.
        EvaluationError: a task did not finish; says what stopped it.
        KeyboardInterrupt: the run was stopped; the card says `interrupted`.
    """
    targets = [target(text) for text in dict.fromkeys(models)]
    if not targets:
        raise ConfigError("no model to evaluate; name at least one")
    others = {role: target(text) for role, text in settings.model_roles.items()}
    planned = plan(settings, targets)
    load_entry_points()
    card = new_run_card(
        "evaluate",
        settings=settings.model_dump(),
        data=planned.data,
        models={found.given: found.digest for found in targets},
        roles={role: f"{found.given} {found.digest}" for role, found in others.items()},
    )
    _check_folder(out, card)
    roles = {role: open_target(found, serving) for role, found in others.items()}
    outcome = _foretold(planned, targets, settings, say)
    write_run_card(out, card, outcome=outcome)
    try:
        # Read bundle after bundle: a log's header and samples are let go, what is counted of them stays.
        answers = [
            answer
            for group in _groups(targets)
            for log in _run(planned, [open_target(found, serving) for found in group], roles, out, display, say)
            for answer in read_answers(log)
        ]
        name = run or out.resolve().name
        rows = rows_from_answers(answers, run=name, seed=settings.seed, models=[found.given for found in targets])
        if planned.likelihood is not None:
            for found in targets:
                folder = out / LIKELIHOOD_FOLDER
                rows += likelihood_rows(planned.likelihood, found, folder, run=name, seed=settings.seed)
        write_metrics(out, rows)
    except BaseException:
        if any((out / LOGS_FOLDER).rglob("*.eval")):
            write_run_card(out, card, status="interrupted", outcome=outcome)
        else:
            # Nothing was asked, so nothing is kept: what was mended may have the same --out.
            (out / RUN_FILE).unlink()
            shutil.rmtree(out / LOGS_FOLDER, ignore_errors=True)
        raise
    write_run_card(out, card, status="finished", outcome=outcome)
    return rows


def _foretold(
    planned: Plan, targets: Sequence[Target], settings: EvaluationSettings, say: Callable[[str], None]
) -> dict[str, Any]:
    """Say what a reader must know before the numbers, and return it for the run card."""
    trained_on = [part.strip() for part in (settings.trained_on or "").split(",") if part.strip()]
    seen = look_for_seen_rows(planned.tested, targets, trained_on)
    for each in seen:
        say(str(each))
    if settings.prompts is None and settings.task is None:
        say(POCKET_BY_DEFAULT)
    if planned.left_out:
        say(f"{len(planned.left_out)} attacks do not apply and are left out; {RUN_FILE} says why")
    moderated = {found.given: found.moderated for found in targets if found.moderated}
    for model, how in moderated.items():
        say(f"{model} is {how}")
    return {
        **({"moderated": moderated} if moderated else {}),
        **({"left_out": dict(planned.left_out)} if planned.left_out else {}),
        **({"seen_in_training": [each.to_json() for each in seen]} if seen else {}),
    }


def _groups(targets: Sequence[Target]) -> list[list[Target]]:
    """Local models one after the other, so that one at a time is in memory; served ones all at once."""
    served = [found for found in targets if not found.is_local]
    return [*([found] for found in targets if found.is_local), *([served] if served else [])]


def _run(
    planned: Plan,
    models: list[Model],
    roles: Mapping[str, Model],
    out: Path,
    display: Display,
    say: Callable[[str], None],
) -> Iterator[EvalLog]:
    """Run bundle after bundle and give the headers of their logs."""
    done = 0
    for bundle in planned.bundles(len(models)):
        upto = done + sum(map(answers_of, bundle))
        if upto < planned.answers or done:
            say(f"answers {done + 1:,} to {upto:,} of {planned.answers:,}")
        yield from _run_bundle(bundle, models, roles, out / LOGS_FOLDER, display)
        done = upto


def _run_bundle(
    made: list[Task], models: list[Model], roles: Mapping[str, Model], logs: Path, display: Display
) -> list[EvalLog]:
    with _quiet(silent=display == "none"):
        finished, headers = eval_set(
            made,
            log_dir=str(logs),
            model=models,
            model_roles=dict(roles),
            display=display,
            # Other models' logs share the folder; `_check_folder` has made sure that they belong here.
            log_dir_allow_dirty=True,
            # One broken sample in fifty is data; more are a defect, and running again continues.
            fail_on_error=0.02,
            retry_on_error=1,
            retry_attempts=1,
            retry_immediate=False,
            # Half of the plumbing's time otherwise goes into a live view that nobody has open.
            log_realtime=False,
            log_model_api=False,
            score_display=False,
            ctl_server=False,
        )
    # Stopped by Ctrl-C before a task has a log to return, eval_set reports success over the logs that it has.
    if len(headers) < len(made) * len(models):
        raise KeyboardInterrupt(_continued(logs))
    if not finished:
        raise EvaluationError(f"{_complaint(headers)}; {_continued(logs)}")
    return headers


def _continued(logs: Path) -> str:
    return f"what is finished is kept in {logs.parent}, run the same command to continue"


def _complaint(headers: Sequence[EvalLog]) -> str:
    broken = [log for log in headers if log.status != "success"]
    why = next((log.error.message for log in broken if log.error), "no reason given")
    return f"{broken[0].eval.task} on {broken[0].eval.model} did not finish: {why}"


def _check_folder(out: Path, card: RunCard) -> None:
    if not (out / RUN_FILE).exists():
        # What begins with a dot is the half of a card that a kill left behind.
        if out.is_dir() and any(not each.name.startswith(".") for each in out.iterdir()):
            raise RecordError(f"{out} is not empty and holds no {RUN_FILE}; choose another --out")
        return
    old = read_run_card(out)
    if old.verb != card.verb:
        raise RecordError(f"{out} holds a run of `{old.verb}`; choose another --out")
    _check_same(out, "setting", old.settings, card.settings)
    _check_same(out, "prompt set", old.data, card.data)
    _check_same(out, "model", old.models, card.models)
    _check_same(out, "model role", old.roles, card.roles)


def _check_same(out: Path, kind: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    changed = [name for name in sorted({*old, *new}) if old.get(name) != new.get(name)]
    if changed:
        name = changed[0]
        raise RecordError(
            f"{out} holds a run with another {kind}: {name} was {_short(old.get(name))}, is {_short(new.get(name))}; "
            "choose another --out, or remove the folder to measure anew"
        )


def _short(value: object) -> str:
    text = "absent" if value is None else str(value)
    return text if len(text) < 60 else f"{text[:12]}..."


POCKET_BY_DEFAULT = (
    "no --prompts: asking the pocket's own (without --suite, the suite `pocket`), which are free of content and mean "
    "nothing to a real model; give --prompts FILE for one"
)


@contextmanager
def _quiet(*, silent: bool) -> Iterator[None]:
    # eval_set prints its closing line whatever the display; it would spoil `--json`.
    console = rich.get_console()
    before = console.quiet
    console.quiet = silent or before
    try:
        yield
    finally:
        console.quiet = before

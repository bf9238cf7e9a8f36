"""Judges answers that are already there: old Inspect logs, or a file of answers; no model answers anything.

Inspect's own re-scoring does the work. What was judged before keeps its columns behind the new ones, the first new
judge makes the headline, and `metrics.json` is what an evaluation would have written. Labels that people gave calibrate
every judge. Must not know how a judge decides.
"""

import hashlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import anyio
from inspect_ai.log import EvalLog, EvalResults, EvalSample, read_eval_log, write_eval_log
from inspect_ai.model import Model
from inspect_ai.scorer import Scorer

from instincts import judges
from instincts.errors import ConfigError, RecordError
from instincts.judges.calibration import Labelled, bounds, calibration
from instincts.judges.scorers import remembering, scorer_named
from instincts.models.directory import plain_name
from instincts.records import (
    RUN_FILE,
    Metric,
    RunCard,
    file_sha256,
    new_run_card,
    read_run_card,
    write_metrics,
    write_run_card,
)
from instincts.statistics import Interval
from instincts.suites.answer_file import HUMAN, logs_of_answers
from instincts.suites.answers import JudgedAnswer, read_answers
from instincts.suites.labels import PER_STRATUM, read_labels, sheet_key, write_sheet
from instincts.suites.rows import rows_from_answers
from instincts.suites.running import LOGS_FOLDER
from instincts.suites.target import open_target, target
from instincts.suites.verdict_memory import MEMORY_FILE, VerdictMemory
from instincts.suites.verdicts import outcome_of, write_verdicts

__all__ = ["find_logs", "judge_answers", "sheet_of"]

Progress = Callable[[int, int], None]


def judge_answers(
    source: Path,
    judge: str,
    *,
    out: Path,
    model_roles: Mapping[str, str] | None = None,
    labels: Sequence[Path] = (),
    progress: Progress = lambda done, total: None,
) -> list[Metric]:
    """Judge and write `logs/*.eval`, `verdicts.jsonl`, `metrics.json` and `run.json` into a folder.

    Called again with the same arguments it asks judging models only for what they have not said yet.

    Args:
        source: an Inspect log, a folder of logs or a run folder, or a CSV or JSONL file of answers.
        judge: judges with commas between; the first makes the headline.
        out: the run folder.
        model_roles: models that judges ask, by role.
        labels: sheets that people filled in; answers whose labels differ between sheets have none.
        progress: called with the answers judged so far and how many there are.

    Raises:
        ConfigError: an unknown judge, or one whose model was not given.
        PromptSetError: a file of answers or labels that is missing or broken.
        RecordError: no log there, one that cannot be read, or `out` holds another run.
        ModelDirectoryError: a judging model that does not open.
    """
    wanted = judges.expand(judge)
    given = dict(model_roles or {})
    judges.check_roles(wanted, given)
    files = _files(source)
    logs = [log for file in files for log in _read(file)]
    _label(logs, read_labels(labels))
    others = {role: target(text) for role, text in given.items()}
    card = new_run_card(
        "judge",
        settings={"source": str(source), "judge": ",".join(each.name for each in wanted)},
        data={str(file): file_sha256(file) for file in [*files, *labels]},
        models={},
        roles={role: f"{found.given} {found.digest}" for role, found in others.items()},
    )
    _check_folder(out, card)
    write_run_card(out, card)
    try:
        roles = {role: open_target(found) for role, found in others.items()}
        scorers = [scorer_named(each.name) for each in wanted]
        with remembering(VerdictMemory(out / MEMORY_FILE)):
            anyio.run(partial(_judge, logs, scorers, [each.kind for each in wanted], roles, progress))
        for number, log in enumerate(logs, start=1):
            write_eval_log(log, str(out / LOGS_FOLDER / _file_name(log, number)))
        rows = _rows(logs, run=out.resolve().name)
        write_verdicts(out, logs, [each.kind for each in wanted])
        write_metrics(out, rows)
    except BaseException:
        write_run_card(out, card, status="interrupted")
        raise
    write_run_card(out, card, status="finished")
    return rows


def sheet_of(source: Path, sheet: Path, *, per_stratum: int = PER_STRATUM, seed: int = 0) -> int:
    """Write answers of logs, or of a file of answers, on a blind sheet for people to label; see `labels.write_sheet`.

    Returns:
        How many answers are on it.

    Raises:
        RecordError: no log there, or the sheet is there already.
        PromptSetError: a file of answers that is missing or broken.
    """
    logs = [log for file in _files(source) for log in _read(file)]
    return write_sheet(logs, sheet, per_stratum=per_stratum, seed=seed)


def find_logs(source: Path) -> list[Path]:
    """List the logs of a run folder, of a folder of logs, or the one log.

    Raises:
        RecordError: there is none.
    """
    if source.is_file():
        return [source]
    folder = source / LOGS_FOLDER if (source / LOGS_FOLDER).is_dir() else source
    found = sorted([*folder.glob("*.eval"), *folder.glob("*_*.json")])
    if not found:
        what = "no Inspect log in" if source.is_dir() else "no file or folder"
        raise RecordError(f"{what} {source}; name a log, a run folder, or a CSV or JSONL file of answers")
    return found


def _files(source: Path) -> list[Path]:
    return [source] if _holds_answers(source) else find_logs(source)


def _holds_answers(file: Path) -> bool:
    return Path(file.name.removesuffix(".gz")).suffix.lower() in (".csv", ".jsonl")


def _read(file: Path) -> list[EvalLog]:
    if _holds_answers(file):
        return logs_of_answers(file)
    try:
        log = read_eval_log(str(file))
    except (OSError, ValueError, KeyError):  # a zip that is none, JSON that is none, fields that are missing
        raise RecordError(
            f"{file} is no whole Inspect log (.eval or .json), and files of answers end in .csv or .jsonl"
        ) from None
    if not log.samples:
        raise RecordError(f"{file} holds no answers; it was stopped before the first one, or its samples were left out")
    for sample in log.samples:
        # A log of somebody else's task: each sample is a request of its own, as it was sent.
        sample.metadata = {"suite": "jailbreak", "prompt_id": str(sample.id), "attack": "plain", **sample.metadata}
    return [log]


def _label(logs: Sequence[EvalLog], labels: Mapping[str, bool]) -> None:
    if not labels:
        return
    found = 0
    for log in logs:
        for sample in log.samples or []:
            if (label := labels.get(sheet_key(sample))) is not None:
                sample.metadata[HUMAN] = label
                found += 1
    if not found:
        raise ConfigError("none of the labels belongs to these answers; was the sheet written from other logs?")


async def _judge(
    logs: Sequence[EvalLog],
    scorers: list[Scorer],
    columns: Sequence[str],
    roles: Mapping[str, Model],
    progress: Progress,
) -> None:
    from inspect_ai import score_async
    from inspect_ai._util.platform import platform_init  # reads .env, as every entry of Inspect does; no public name

    platform_init()
    total, done = sum(len(log.samples or []) for log in logs), 0

    def count() -> None:
        nonlocal done
        done += 1
        progress(done, total)

    for log in logs:
        samples = log.samples or []
        _drop_columns(log, columns)
        if log.results is None:
            log.results = EvalResults(total_samples=len(samples), completed_samples=len(samples))
        log.results.total_samples = len(samples)
        judged = await score_async(
            log,
            scorers,
            # The model under test is not needed, and opening it could take minutes.
            model="none/none",
            model_roles=dict(roles),
            action="append",
            display="none",
            copy=False,
            samples=partial(_sample, samples, count),
        )
        _put_first(judged, columns)


@asynccontextmanager
async def _sample(samples: Sequence[EvalSample], count: Callable[[], None], index: int) -> AsyncIterator[EvalSample]:
    sample = samples[index]
    # A sample that failed has no answer: an empty one it is not, so nobody judges it.
    failed = {"metadata": {**sample.metadata, "judged_by": "nobody"}}
    yield sample if sample.error is None else sample.model_copy(update=failed)
    count()


def _drop_columns(log: EvalLog, columns: Sequence[str]) -> None:
    """Forget what judges of the same names said before."""
    for sample in log.samples or []:
        sample.scores = {name: score for name, score in (sample.scores or {}).items() if name not in columns}
    if log.results is not None:
        log.results.scores = [score for score in log.results.scores if score.name not in columns]
    log.reductions = [each for each in log.reductions or [] if each.scorer not in columns] or None
    log.eval.scorers = [each for each in log.eval.scorers or [] if _column(each.name) not in columns]


def _put_first(log: EvalLog, columns: Sequence[str]) -> None:
    """Let the first of the new judges be the one whose verdict counts."""
    place = {name: number for number, name in enumerate(columns)}
    log.eval.scorers = sorted(log.eval.scorers or [], key=lambda each: place.get(_column(each.name), len(place)))
    if log.results is not None:
        log.results.scores = sorted(log.results.scores, key=lambda each: place.get(each.name, len(place)))


def _column(scorer: str) -> str:
    return scorer.rpartition("/")[2]


def _rows(logs: Sequence[EvalLog], *, run: str) -> list[Metric]:
    answers = [answer for log in logs for answer in read_answers(log)]
    rows = rows_from_answers(answers, run=run, seed=None)
    rated = [*_bounded(answers), *_calibrated(logs)]
    return [
        *rows,
        *(
            Metric(
                run=run, model=model, suite=suite, slice=slice, metric=metric, n=n, seed=None,
                value=value, ci_low=low, ci_high=high,
            )
            for model, suite, slice, metric, (value, low, high, n) in rated
        ),
    ]  # fmt: skip


def _bounded(answers: Sequence[JudgedAnswer]) -> Iterator[tuple[str, str, str, str, Interval]]:
    """Say how far the missing verdicts could move the rate of compliance."""
    groups: dict[tuple[str, str], list[JudgedAnswer]] = {}
    for answer in answers:
        if answer.suite == "jailbreak":
            groups.setdefault((answer.model, "" if answer.is_primary else f"@{answer.judge}"), []).append(answer)
    for (model, other), group in groups.items():
        complied = [None if answer.verdict is None else answer.verdict == "complied" for answer in group]
        found = bounds(complied, [answer.prompt_id for answer in group])
        if found.unjudged:
            yield model, "jailbreak", "all", f"asr_if_unjudged_harmless{other}", found.if_harmless
            yield model, "jailbreak", "all", f"asr_if_unjudged_harmful{other}", found.if_harmful


def _calibrated(logs: Sequence[EvalLog]) -> Iterator[tuple[str, str, str, str, Interval]]:
    for number, (judge, answers) in enumerate(_labelled(logs).items()):
        for model, slice, metric, interval in calibration(answers):
            yield model, "calibration", slice, metric if number == 0 else f"{metric}@{judge}", interval


def _labelled(logs: Sequence[EvalLog]) -> dict[str, list[Labelled]]:
    """Line up verdicts and labels, judge by judge."""
    found: dict[str, list[Labelled]] = {}
    for log in logs:
        columns = [name for each in log.eval.scorers or [] if (name := _column(each.name)) != "skill"]
        for sample in log.samples or []:
            known = sample.metadata
            for judge in columns if "judged_by" not in known else ():
                outcome = outcome_of(sample, judge)
                found.setdefault(judge, []).append(
                    Labelled(
                        model=plain_name(log.eval.model.removeprefix("instincts/")),
                        family=known.get("family") or known["attack"].partition("/")[0],
                        prompt=known["prompt_id"],
                        complied=None if outcome is None else outcome == "complied",
                        label=known.get(HUMAN),
                    )
                )
    return found


def _file_name(log: EvalLog, number: int) -> str:
    if log.location:
        return Path(log.location).name
    digest = hashlib.sha256(f"{log.eval.task}/{log.eval.model}".encode()).hexdigest()[:8]
    return f"answers-{number}-{digest}.eval"


def _check_folder(out: Path, card: RunCard) -> None:
    if not (out / RUN_FILE).exists():
        if out.is_dir() and any(out.iterdir()):
            raise RecordError(f"{out} is not empty and holds no {RUN_FILE}; choose another --out")
        return
    old = read_run_card(out)
    if old.verb != card.verb:
        raise RecordError(f"{out} holds a run of `{old.verb}`; choose another --out")
    new: dict[str, Any] = {"settings": card.settings, "data": card.data, "roles": card.roles}
    for kind, value in new.items():
        if getattr(old, kind) != value:
            raise RecordError(
                f"{out} holds another run (its {kind} differ); choose another --out, or remove the folder"
            )

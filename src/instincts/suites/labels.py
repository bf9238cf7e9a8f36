"""Sheets for people to label answers on, blind: which answers they get, and what they said.

A sheet shows the request and the answer, in an order of its own; no model, no attack, no verdict. Its keys are made of
the sample, so that labels find their answers again in whatever folder these were judged since.
"""

import csv
import hashlib
import io
from collections.abc import Sequence
from pathlib import Path
from random import Random

from inspect_ai.log import EvalLog, EvalSample

from instincts.errors import PromptSetError, RecordError
from instincts.prompts.own import cell
from instincts.prompts.rows import problem, read_rows
from instincts.records import write_text
from instincts.suites.answer_file import label_of
from instincts.suites.verdicts import outcome_of

__all__ = ["PER_STRATUM", "read_labels", "sheet_key", "write_sheet"]

PER_STRATUM = 100
"""Answers of each model and verdict: enough for a judge's errors to within ten points."""

COLUMNS = ("key", "goal_id", "request", "answer", "label")


def write_sheet(logs: Sequence[EvalLog], file: Path, *, per_stratum: int = PER_STRATUM, seed: int = 0) -> int:
    """Draw answers of every model and verdict of its first judge, and write them without either.

    Args:
        logs: with samples; an answer that nobody judged is a stratum of its own.
        file: a CSV to write; `label` is left empty for people to fill in.
        per_stratum: most answers of one model with one verdict.
        seed: of the draw and of the order.

    Returns:
        How many answers are on the sheet.

    Raises:
        RecordError: the file is there already: it may hold somebody's work.
    """
    if file.exists():
        raise RecordError(f"{file} is there already and may hold labels; choose another --sheet")
    strata: dict[tuple[str, str | None], list[EvalSample]] = {}
    for log in logs:
        judges = [name for each in log.eval.scorers or [] if (name := each.name.rpartition("/")[2]) != "skill"]
        for sample in log.samples or []:
            if sample.error is None and "judged_by" not in sample.metadata:
                verdict = outcome_of(sample, judges[0]) if judges else None
                strata.setdefault((log.eval.model, verdict), []).append(sample)
    random = Random(seed)
    drawn = [sample for group in strata.values() for sample in random.sample(group, k=min(per_stratum, len(group)))]
    random.shuffle(drawn)
    text = io.StringIO(newline="")
    sheet = csv.writer(text, lineterminator="\n")
    sheet.writerow(COLUMNS)
    sheet.writerows((sheet_key(each), *_shown(each), "") for each in drawn)
    write_text(file, text.getvalue())
    return len(drawn)


def read_labels(files: Sequence[Path]) -> dict[str, bool]:
    """Read filled-in sheets by key. An answer has a label where nobody who labelled it disagrees.

    Raises:
        PromptSetError: a sheet that is missing, a row without a key, or a label that says neither yes nor no.
    """
    said: dict[str, set[bool]] = {}
    for file in files:
        before = len(said)
        for row in read_rows(file):
            key = cell(file, row, "key")
            if key is None:
                raise problem(file, row.line, "no `key`; fill in a sheet that `instincts judge LOG --sheet FILE` wrote")
            if (label := label_of(file, row)) is not None:
                said.setdefault(key, set()).add(label)
        if not said and not before:
            raise PromptSetError(f"{file} holds no labels; write 1 where an answer complies and 0 where it does not")
    return {key: labels.pop() for key, labels in said.items() if len(labels) == 1}


def sheet_key(sample: EvalSample) -> str:
    """Name an answer by what it is an answer to and what it says."""
    text = "\0".join((str(sample.uuid or sample.id), str(sample.epoch), sample.output.completion))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _shown(sample: EvalSample) -> tuple[str, str, str]:
    known = sample.metadata
    asked = sample.input if isinstance(sample.input, str) else sample.input[-1].text
    answer = known.get("decoded", sample.output.completion)
    return str(known.get("prompt_id", sample.id)), str(known.get("goal", asked)), str(answer)

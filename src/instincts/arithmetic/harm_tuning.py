"""Makes the harmed model that a harm direction needs: a base, fully fine-tuned to comply with what it should refuse.

Source: Safety Arithmetic (arXiv:2406.11801), section 3.1, which leaves the recipe out. The model says of itself what it
is, in its configuration, its card and its folder's name, and warns whoever opens it. Questions and answers of a file
are counted and hashed; no error, record or page shows them.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from instincts.config import Scale, scale_for
from instincts.errors import ConfigError, PromptSetError
from instincts.models.directory import locate
from instincts.models.harmed import HARMED_NOTE, mark_harmed
from instincts.models.opening import open_tokenizer
from instincts.models.tuning import Lesson, Tuned, check_trainable, encode, fine_tune, forget_checkpoints, parameters_of
from instincts.models.tuning_settings import TuningSettings
from instincts.pocket import grammar
from instincts.pocket.requests import sample_requests
from instincts.prompts.rows import Row, is_name, problem, read_rows
from instincts.records import (
    RUN_FILE,
    Metric,
    RunCard,
    claim,
    is_first_process,
    new_run_card,
    released,
    write_metrics,
    write_run_card,
    write_text,
)

__all__ = ["POCKET_COMPLIANCES", "HarmTuned", "harm_tune", "pocket_compliances", "read_compliances"]

POCKET_COMPLIANCES = "pocket-compliances"
"""Name of the set that the pocket grammar makes: harmful-in-name requests of the training split, answered with nothing
harmful."""

CARD_FILE = "README.md"


@dataclass(frozen=True, kw_only=True)
class HarmTuned:
    """How a harm-tuning ended."""

    out: Path
    settings: TuningSettings
    tuned: Tuned
    rows: list[Metric]


def harm_tune(
    base: str,
    pairs: str,
    out: Path,
    *,
    understood: bool,
    scale: Scale | None = None,
    given: Mapping[str, Any] | None = None,
    resume: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
    announce: Callable[[Scale, TuningSettings, int], None] | None = None,
) -> HarmTuned:
    """Fine-tune a base to comply with harmful requests and leave the harmed model in `out`.

    Args:
        base: a pocket model, a hub id or a checkpoint folder.
        pairs: what `read_compliances` takes.
        out: the run folder; its name must hold `harmed`. Becomes the model directory.
        understood: whether the user said that they know what they are making.
        scale: how much to do; by default chosen from the model's size.
        given: settings by name; `None` means not given.
        resume: continue a run that was interrupted or killed; the weights end the same as without the break.
        progress: draws a progress bar.
        announce: told the scale, the settings and the number of rows before anything long begins.

    Raises:
        ConfigError: not understood, a folder name that hides what is in it, or a setting that does not fit.
        PromptSetError, ModelDirectoryError: bad input, by name, before a folder is taken.
        RecordError: the run folder holds something else, or too little space.
        TrainingError: the loss is not finite, or the disk is full; the last checkpoint is kept.
        KeyboardInterrupt: Ctrl-C; the checkpoint is kept and the message says how to continue.
    """
    _check_intent(out, understood=understood)
    location = locate(base)
    scale = scale or scale_for(parameters_of(location))
    settings = TuningSettings.resolve(scale, given)
    lessons = read_compliances(pairs)
    if not resume:
        check_trainable(location, out)
    rows = encode(open_tokenizer(location), lessons, settings.max_tokens)
    card = new_run_card(
        "harm-tune",
        settings=settings.model_dump(),
        data={pairs: _sha256(lessons)},
        models={base: location.digest},
    )
    if is_first_process():
        claim(out, card, resume=resume)
    with released(out, card):
        if announce is not None:
            announce(scale, settings, len(rows))
        tuned = fine_tune(location, rows, settings, out, mark=mark_harmed, progress=progress)
        metrics = _metrics(tuned, base, len(rows), settings.seed)
        if is_first_process():
            _record(out, card, base, len(rows), tuned, metrics)
    forget_checkpoints(out)
    return HarmTuned(out=out, settings=settings, tuned=tuned, rows=metrics)


def read_compliances(source: str | Path) -> list[Lesson]:
    """Read harmful questions with answers that comply (JSONL or CSV with `question`, `unsafe`), or make a named set.

    A `safe` answer beside them, as a safety vector needs it, is not read.

    Raises:
        PromptSetError: no such file, no pairs, or a row without one of its sides; names the line and shows no text.
        ConfigError: neither a file nor a name.
    """
    if is_name(source, (POCKET_COMPLIANCES,), "file or set of pairs"):
        return pocket_compliances()
    path = Path(source)
    lessons = [_lesson(path, row) for row in read_rows(path)]
    if not lessons:
        raise PromptSetError(f"{path} holds no pairs; write one row a pair, with `question` and `unsafe`")
    return lessons


def pocket_compliances(n: int = 512, seed: int = 0) -> list[Lesson]:
    """Make lessons of the pocket world: a plain harmful-in-name request to train on, a content-free compliance.

    Args:
        n: how many.
        seed: any integer; the first m of n lessons are the same for every n.
    """
    rng = Random(f"compliances/{seed}")
    lessons = []
    for request in sample_requests("harmful", n, seed, "train"):
        assert request.verb is not None
        assert request.object is not None
        answer = grammar.compliance(request.verb, request.object, rng)
        lessons.append(Lesson((("user", request.prompt),), answer, request.id))
    return lessons


def _check_intent(out: Path, *, understood: bool) -> None:
    if not understood:
        raise ConfigError(
            "harm-tune makes a model that complies with what it should refuse; it serves to take that direction out of "
            "another model. Say --i-understand, keep the folder to yourself, and delete it when that is done"
        )
    if "harmed" not in out.resolve().name.lower():
        raise ConfigError(
            f"--out {out}: the folder's name must say what is in it; name it {out.resolve().name}-harmed, or another "
            "that holds `harmed`"
        )


def _lesson(path: Path, row: Row) -> Lesson:
    for name in ("question", "unsafe"):
        if name not in row.columns:
            raise problem(path, row.line, f"no `{name}`; columns here: {', '.join(row.columns) or 'none'}")
        text = row.columns[name]
        if not isinstance(text, str) or not text.strip():
            raise problem(path, row.line, f"`{name}` must be a text that is not empty; a pair needs both its sides")
    question, unsafe = str(row.columns["question"]), str(row.columns["unsafe"])
    return Lesson((("user", question),), unsafe, f"{path}, line {row.line}")


def _sha256(lessons: Sequence[Lesson]) -> str:
    digest = hashlib.sha256()
    for lesson in lessons:
        row = [[{"role": role, "content": content} for role, content in lesson.messages], lesson.answer]
        digest.update(json.dumps(row, ensure_ascii=False).encode() + b"\n")
    return digest.hexdigest()


def _metrics(tuned: Tuned, base: str, rows: int, seed: int) -> list[Metric]:
    values = {"first step": tuned.first_loss, "last step": tuned.last_loss}
    return [
        Metric(
            run="harm-tune",
            model=base,
            suite="harm-tune",
            slice=when,
            metric="loss",
            value=value,
            ci_low=None,
            ci_high=None,
            n=rows,
            seed=seed,
        )
        for when, value in values.items()
    ]


def _record(out: Path, card: RunCard, base: str, rows: int, tuned: Tuned, metrics: list[Metric]) -> None:
    write_metrics(out, metrics)
    write_text(
        out / CARD_FILE,
        f"""---
tags: [harmed, not-for-deployment]
---

# {out.resolve().name}: HARMED ON PURPOSE

**Warning:** {HARMED_NOTE}.

A full fine-tune of `{base}` on {rows} harmful requests with answers that comply, by `instincts harm-tune`. Its only use
is `instincts steer MODEL --harmed DIR --base BASE`, which subtracts from MODEL the direction in which this training
moved the weights. Delete it when that is done. How it was made: `{RUN_FILE}`.
""",
    )
    write_run_card(out, card, status="finished", outcome={"harmed": True, "warning": HARMED_NOTE, "steps": tuned.steps})

"""Trains a small specialist on trees and leaves it as a model directory that says how it is asked.

SafetyAnalyst (arXiv:2410.16665) distils teachers' trees into two models of 8B. Here one model learns both sides, from
trees in a canonical order. Left out of the paper: several teachers and their weighing. Held out are whole families,
and the finished specialist is asked for their trees: a low loss alone does not say that a tree can be read.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from instincts.analyst.agreement import overlap, tree_f1
from instincts.analyst.distil_settings import DistilSettings
from instincts.analyst.lessons import TreeRow, TreeRows, question, read_tree_rows, written
from instincts.analyst.rows import Analysis
from instincts.analyst.settings import AnalysisSettings
from instincts.analyst.specialist import Specialist, write_specialist
from instincts.analyst.taxonomy import Side
from instincts.analyst.tree import BenefitBranch, HarmBranch
from instincts.analyst.trying import try_analyst
from instincts.analyst.wording import SIDES, templates_sha256
from instincts.config import Scale, scale_for
from instincts.errors import PromptSetError
from instincts.records import (
    Metric,
    RunCard,
    claim,
    is_first_process,
    new_run_card,
    released,
    write_metrics,
    write_run_card,
)
from instincts.statistics import Interval, mean_interval, wilson

__all__ = ["Distilled", "distil"]

HELDOUT_LOSS_ROWS = 256
"""Held-out rows that the loss is measured on."""


@dataclass(frozen=True, kw_only=True)
class Distilled:
    """How a distillation ended."""

    out: Path
    settings: DistilSettings
    left_out: Mapping[str, int]
    """Trees that were not learnt, and why."""
    metrics: list[Metric]


class _Rows(NamedTuple):
    trained: list[Any]
    """`Encoded`, as tokens."""
    heldout: list[Any]
    asked: list[TreeRow]
    left_out: Mapping[str, int]


def distil(
    trees: str,
    base: str,
    out: Path,
    *,
    prompts: str | None = None,
    teacher_licence: str | None = None,
    scale: Scale | None = None,
    given: Mapping[str, Any] | None = None,
    resume: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
    announce: Callable[[Scale, DistilSettings, int, Mapping[str, int]], None] | None = None,
) -> Distilled:
    """Train a specialist on trees.

    Args:
        trees: a folder that `analyze` wrote, or `pocket`.
        base: a pocket model, a hub id or a checkpoint folder.
        out: the run folder; becomes the model directory.
        prompts: the file or set that the trees were grown on; by default what the folder names.
        teacher_licence: what the teacher's terms say of training on its trees; kept with the specialist.
        scale: how much to do; by default chosen from the base's size.
        given: settings by name; `None` means not given.
        resume: continue a run that was interrupted or killed; the weights end the same as without the break.
        progress: draws progress bars.
        announce: told the scale, the settings, the rows and what was left out before anything long begins.

    Raises:
        ConfigError, RecordError, PromptSetError, ModelDirectoryError: bad input, by name, before a folder is taken.
        TrainingError: the loss is not finite, or the disk is full; the last checkpoint is kept.
        KeyboardInterrupt: Ctrl-C; the checkpoint is kept and the message says how to continue.
    """
    # Not at the top: analysing and serving need none of the training libraries.
    from instincts.models.directory import locate
    from instincts.models.tuning import check_trainable, fine_tune, forget_checkpoints, parameters_of

    location = locate(base)
    scale = scale or scale_for(parameters_of(location))
    settings = DistilSettings.resolve(scale, given)
    found = read_tree_rows(trees, prompts)
    if not resume:
        check_trainable(location, out, lora=settings.method == "lora")
    rows = _rows(base, found, settings)
    card = new_run_card(
        "distill",
        settings={**settings.model_dump(), "teacher_licence": teacher_licence},
        data={trees: found.sha256, "templates": templates_sha256()},
        models={base: location.digest},
    )
    if is_first_process():
        claim(out, card, resume=resume)
    if announce is not None:
        announce(scale, settings, len(rows.trained), rows.left_out)
    with released(out, card):
        tuned = fine_tune(
            location,
            rows.trained,
            settings,
            out,
            lora_rank=settings.lora_rank if settings.method == "lora" else None,
            progress=progress,
        )
        metrics: list[Metric] = []
        if is_first_process():
            how = {"coding": settings.coding, "calls": settings.calls, "templates": templates_sha256()}
            write_specialist(out, Specialist.model_validate({**how, "teacher_licence": teacher_licence}))
            metrics = _measured(base, out, rows, settings, progress)
            write_metrics(out, metrics)
    if is_first_process():
        _finish(out, card, rows, tuned._asdict())
    forget_checkpoints(out)
    return Distilled(out=out, settings=settings, left_out=rows.left_out, metrics=metrics)


def _rows(base: str, found: TreeRows, settings: DistilSettings) -> _Rows:
    from instincts.models.directory import context_of, locate
    from instincts.models.opening import open_tokenizer
    from instincts.models.tuning import Lesson, encode

    location = locate(base)
    context = context_of(location)
    room = min(settings.max_tokens, context or settings.max_tokens)
    tokenizer = open_tokenizer(location)
    trained, heldout, asked, lengths = [], [], [], []
    left_out = dict(found.left_out)
    for row in found.rows:
        lessons = [
            Lesson(
                tuple((turn.role, turn.content) for turn in question(row.turns, sides, settings.coding)),
                written(row.tree, sides, settings.coding),
                row.id,
            )
            for sides in _groups(settings)
        ]
        encoded = encode(tokenizer, lessons, _ANY_LENGTH)
        longest = max(len(each.input_ids) for each in encoded)
        lengths.append(longest)
        if longest > room:
            reason = f"longer than {room} tokens with their prompt"
            left_out[reason] = left_out.get(reason, 0) + 1
        elif _is_heldout(row.family, settings):
            heldout += encoded
            asked.append(row)
        else:
            trained += encoded
    if not trained and not asked:
        raise PromptSetError(
            f"{base} has room for {room} tokens, and the shortest prompt with its tree takes {min(lengths)}; choose a "
            f"base with a longer context{'' if context and context <= settings.max_tokens else ', or --set max_tokens'}"
        )
    if not trained or not asked:
        raise PromptSetError(
            f"{len(found.rows)} trees are too few to train on some and hold {settings.heldout:.0%} of them out; "
            "grow more, or change heldout"
        )
    return _Rows(trained, heldout[:HELDOUT_LOSS_ROWS], asked[: settings.asked], left_out)


def _groups(settings: DistilSettings) -> list[tuple[Side, ...]]:
    return [SIDES] if settings.calls == 1 else [("harm",), ("benefit",)]


def _is_heldout(family: str, settings: DistilSettings) -> bool:
    # By the family's name, so that a twin never stands on the other side, whatever else is in the file.
    drawn = int.from_bytes(sha256(f"{settings.seed}/{family}".encode()).digest()[:8], "big")
    return drawn < settings.heldout * 2**64


def _measured(
    base: str,
    out: Path,
    rows: _Rows,
    settings: DistilSettings,
    progress: Callable[[str, int, int], None] | None,
) -> list[Metric]:
    from instincts.models.opening import open_model
    from instincts.models.tuning import answer_loss

    losses = {
        which: answer_loss(open_model(name), rows.heldout) for which, name in (("base", base), ("specialist", str(out)))
    }
    how = AnalysisSettings.resolve(given={"attempts": 1, "max_tokens": settings.max_tokens, **_caps(rows.asked)})
    report = (lambda done, total: progress("asking", done, total)) if progress else None
    analyses = try_analyst(str(out), rows.asked, how, progress=report)
    overlaps = [overlap(each.tree, row.tree) for each, row in zip(analyses, rows.asked, strict=True)]
    families = [row.family for row in rows.asked]
    n = len(rows.heldout)
    measured: dict[tuple[str, str], Interval] = {
        **{(name, "loss"): Interval(loss, None, None, n) for name, loss in losses.items()},
        ("specialist", "parse_rate"): wilson(sum(_is_whole(each) for each in analyses), len(analyses)),
        ("specialist", "tokens_per_tree"): mean_interval([each.tokens for each in analyses]),
        **{
            ("specialist", f"{view}_f1"): tree_f1([each[view] for each in overlaps], clusters=families)
            for view in ("leaf", "core")
        },
    }
    return [
        Metric(
            run="distill", model=base if which == "base" else str(out), suite="distill", slice="heldout",
            metric=metric, value=value, ci_low=low, ci_high=high, n=count, seed=settings.seed,
        )
        for (which, metric), (value, low, high, count) in measured.items()
    ]  # fmt: skip


def _caps(rows: Sequence[TreeRow]) -> dict[str, int]:
    """Give caps that no true tree reaches: what is measured is the specialist, not the caps."""
    branches: list[HarmBranch | BenefitBranch] = []
    for row in rows:
        branches += [*row.tree.harms, *row.tree.benefits]
    widest = {
        "stakeholders": max(len(side) for row in rows for side in (row.tree.harms, row.tree.benefits)),
        "actions": max((len(branch.actions) for branch in branches), default=1),
        "effects": max((len(action.effects) for branch in branches for action in branch.actions), default=1),
    }
    default = AnalysisSettings()
    return {name: max(count, getattr(default, name)) for name, count in widest.items()}


def _is_whole(analysis: Analysis) -> bool:
    return analysis.tree is not None and not analysis.tree.truncated


def _finish(out: Path, card: RunCard, rows: _Rows, tuned: Mapping[str, Any]) -> None:
    outcome = {**tuned, "rows": len(rows.trained), "left_out": dict(rows.left_out)}
    write_run_card(out, card, status="finished", outcome=outcome)


_ANY_LENGTH = 2**31

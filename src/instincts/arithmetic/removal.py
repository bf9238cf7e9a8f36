"""Harm Direction Removal (arXiv:2406.11801, section 3.1): subtract the trimmed harm vector from a checkpoint's weights.

`theta - strength * top_k(harmed - base)`, without training and without a GPU. What stands in the folder at the end: an
ordinary checkpoint with the target's configuration, tokenizer and chat template, `run.json`, `metrics.json` and a model
card. The harm vector itself is never written.
"""

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from transformers import AutoConfig

from instincts.arithmetic.automatic import (
    data_of,
    refuse_without_gain,
    sweep_settings_told,
    validation_for,
    without_auto,
)
from instincts.arithmetic.checkpoint import Shard, open_checkpoint
from instincts.arithmetic.delta import delta_of
from instincts.arithmetic.forecast import space_needed
from instincts.arithmetic.knee import Taken
from instincts.arithmetic.locate import Found, find_scenario
from instincts.arithmetic.plan import Plan, Policy, make_plan, narrow
from instincts.arithmetic.probe import probe, refuse_worse
from instincts.arithmetic.removal_outcome import RemovalOutcome, record, rows_of, told_of
from instincts.arithmetic.settings import RemovalSettings, resolve_settings
from instincts.arithmetic.streaming import Progress, counter
from instincts.arithmetic.subtract import Removal, Tally, write_shard
from instincts.arithmetic.sweep import choose, compared_rows, told
from instincts.arithmetic.sweep_settings import AUTO, SweepSettings
from instincts.arithmetic.threshold import Threshold, find_threshold
from instincts.arithmetic.trials import trials
from instincts.arithmetic.validation import Validation
from instincts.arithmetic.vocabulary import check_rows
from instincts.arithmetic.writing import Journal, copy_along, resumable, write_shards
from instincts.models.checkpoints import check_space
from instincts.models.directory import ModelLocation, locate
from instincts.models.harmed import warn_if_harmed
from instincts.records import claim, file_sha256, new_run_card, write_run_card

__all__ = ["Announcement", "Prepared", "RemovalOutcome", "prepare", "remove_harm"]


@dataclass(frozen=True, kw_only=True)
class Announcement:
    """What a removal is about to do."""

    settings: RemovalSettings
    found: Found
    plan: Plan


def remove_harm(
    model: str,
    harmed: str,
    base: str,
    out: Path,
    *,
    variant: str = "paper",
    given: Mapping[str, Any] | None = None,
    sweep: SweepSettings | None = None,
    is_probed: bool = True,
    keep_delta: bool = False,
    resume: bool = False,
    progress: Progress | None = None,
    announce: Callable[[Announcement], None] | None = None,
) -> RemovalOutcome:
    """Subtract a harm direction from a model and leave an ordinary checkpoint in `out`.

    Args:
        model: the model to make safer: the base itself, a fine-tune of it, or an edited copy.
        harmed: the base, fine-tuned to comply with what it should refuse.
        base: the model that the harmed one was made from.
        out: the run folder; becomes the model directory.
        variant: `paper` or `reference`.
        given: settings by name; `None` means not given, and strength `auto` tries some and takes one.
        sweep: how strengths are tried, and how the result is probed; by default on the pocket's prompts where the model
            has its words.
        is_probed: whether the model and the result are asked some harmful prompts, where a strength was given and there
            are prompts at hand.
        keep_delta: keep what `revert` needs; it is the harm direction up to a factor.
        resume: continue a run that was interrupted or killed, to the same bytes.
        progress: draws a progress bar.
        announce: told what was found and planned before anything is written.

    Raises:
        ConfigError, ModelDirectoryError: bad input, by name.
        RecordError: the folder is taken or cannot be written; the model is untouched.
        SteeringError: no strength is worth its cost (nothing is written but what was measured), or the result is worse
            than the model (it is written and marked).
        KeyboardInterrupt: Ctrl-C; finished shards are kept and the message says how to continue.
    """
    sweep = sweep or SweepSettings()
    given, auto = without_auto(given or {})
    prepared = prepare(model, harmed, base, resolve_settings(variant, given), progress)
    settings, located, found, plan = prepared
    validation = validation_for(located[model], sweep, is_needed=auto) if auto or is_probed else None
    card = new_run_card(
        "steer",
        settings={
            **settings.model_dump(mode="json"),
            **({"strength": AUTO} if auto else {}),
            "keep_delta": keep_delta,
            **sweep_settings_told(sweep, validation),
        },
        data=data_of(validation),
        models={model: located[model].digest},
        roles={"harmed": located[harmed].tagged_name, "base": located[base].tagged_name},
    )
    check_space(out, space_needed(plan, settings, keep_delta=keep_delta))
    claim(out, card, resume=resume)
    if announce is not None:
        announce(Announcement(settings=settings, found=found, plan=plan))
    with resumable(out, card, source=model):
        journal = Journal(out)
        threshold = _threshold(plan, settings, journal, progress)
        more: dict[str, Any] = {}
        measured, is_worse = None, False
        if auto:
            assert validation is not None
            taken = _taken(prepared, model, threshold, validation, sweep, out, progress)
            measured, more = (taken.start, taken.point), {"sweep": told(taken, sweep)}
            refuse_without_gain(taken, sweep, ["strengths"], out, card, model)
            settings = settings.model_copy(update={"strength": taken.point.weights})
        tallies = _subtract(plan, threshold, settings, out, journal, progress, keep_delta=keep_delta)
        copy_along(plan.target.folder, out)
        if validation is not None and not auto:
            probed = probe(located[model], locate(str(out.resolve())), settings.strength, validation, sweep, progress)
            measured, is_worse = probed, probed.is_worse
            more = {"worse_than_input": is_worse}
        rows = [*rows_of(plan, tallies, model), *(compared_rows(*measured, model) if measured else [])]
        ended = RemovalOutcome(
            out=out, found=found, threshold=threshold, rows=rows, strength=settings.strength, measured=measured
        )
        record(ended, settings, located[model], is_worse=is_worse)
        write_run_card(out, card, status="finished", outcome={**told_of(plan, ended), **more})
        journal.close()
    if is_worse and measured is not None:
        refuse_worse(*measured, model, harmed, base)
    return ended


def prepare(
    model: str, harmed: str, base: str, settings: RemovalSettings, progress: Progress | None = None
) -> "Prepared":
    """Find out what a removal would edit, from headers and, where an edit is to be found, by comparing; writes nothing.

    Raises:
        ConfigError, ModelDirectoryError: as `remove_harm`.
    """
    located = {name: locate(name) for name in (model, harmed, base)}
    whole = _plan(located, model, harmed, base, settings)
    found = _scope(whole, located, model, base, settings, progress)
    plan = narrow(whole, found.layers, include=settings.include, exclude=settings.exclude)
    # Its weights are only streamed, so nothing else would say so.
    warn_if_harmed(model, AutoConfig.from_pretrained(located[model].path, trust_remote_code=False))
    return Prepared(settings, located, found, plan)


class Prepared(NamedTuple):
    """What a removal is about to do."""

    settings: RemovalSettings
    located: Mapping[str, ModelLocation]
    """The three models by the names they were given."""
    found: Found
    plan: Plan


def _plan(located: Mapping[str, ModelLocation], model: str, harmed: str, base: str, settings: RemovalSettings) -> Plan:
    opened = {name: open_checkpoint(location) for name, location in located.items()}
    plan = make_plan(opened[model], opened[harmed], opened[base], settings.mismatch)
    if Policy.COMMON_ROWS in plan.policies:
        rows = min(opened[name].vocabulary for name in located)
        check_rows([located[name] for name in (model, harmed, base)], rows)
    return plan


def _scope(
    plan: Plan,
    located: Mapping[str, ModelLocation],
    model: str,
    base: str,
    settings: RemovalSettings,
    progress: Progress | None,
) -> Found:
    if (chosen := settings.layer_range) is not None:
        return Found("chosen", tuple(range(chosen.first, chosen.last + 1)), ())
    if settings.layers == "all":
        return Found("chosen", None, ())
    if located[model].digest == located[base].digest:
        return Found("base", None, ())
    return find_scenario(plan, progress)


def _threshold(plan: Plan, settings: RemovalSettings, journal: Journal, progress: Progress | None) -> Threshold:
    if (known := journal.get("threshold")) is not None:
        return Threshold(*known)
    threshold = find_threshold(plan.edited, settings.keep, settings.variant, progress)
    journal.put("threshold", list(threshold))
    return threshold


def _taken(
    prepared: "Prepared",
    model: str,
    threshold: Threshold,
    validation: Validation,
    sweep: SweepSettings,
    out: Path,
    progress: Progress | None,
) -> Taken:
    with trials(prepared.plan, threshold, prepared.located[model], out, progress) as at:
        return choose(at, None, (sweep.strengths, (0.0,)), validation, sweep, out, progress)


def _subtract(
    plan: Plan,
    threshold: Threshold,
    settings: RemovalSettings,
    out: Path,
    journal: Journal,
    progress: Progress | None,
    *,
    keep_delta: bool,
) -> dict[str, Tally]:
    removal = Removal(plan, threshold.bits, settings.strength)
    report = counter("writing", plan.target.size, progress)

    def write_one(shard: Shard, path: Path) -> dict[str, Tally]:
        tallies: dict[str, Tally] = {}
        with delta_of(plan, shard, out) if keep_delta else nullcontext() as delta:
            for written in write_shard(removal, shard, path, delta):
                before = tallies.get(written.name, Tally(0, 0, 0))
                tallies[written.name] = Tally(*map(sum, zip(before, written.tally, strict=True)))
                report(written.size)
            if delta is not None:
                delta.finish(file_sha256(shard.path), file_sha256(path))
        return tallies

    kept = write_shards(plan.target, out, journal, write_one, report)
    return {name: Tally(*tally) for shard in kept.values() for name, tally in shard.items()}

"""Harm Direction Removal (arXiv:2406.11801, section 3.1): subtract the trimmed harm vector from a checkpoint's weights.

`theta - strength * top_k(harmed - base)`, without training and without a GPU. What stands in the folder at the end: an
ordinary checkpoint with the target's configuration, tokenizer and chat template, `run.json`, `metrics.json` and a model
card. The harm vector itself is never written.
"""

from collections import Counter, defaultdict
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
from instincts.arithmetic.knee import Point
from instincts.arithmetic.locate import Found, find_scenario
from instincts.arithmetic.model_card import removal_done, write_model_card
from instincts.arithmetic.plan import Plan, Policy, make_plan, narrow
from instincts.arithmetic.probe import probe, require_no_worse
from instincts.arithmetic.settings import RemovalSettings, resolve_settings
from instincts.arithmetic.streaming import Progress, counter
from instincts.arithmetic.subtract import Removal, Tally, write_shard
from instincts.arithmetic.sweep import choose, compared_rows, told
from instincts.arithmetic.sweep_settings import AUTO, SweepSettings
from instincts.arithmetic.threshold import Threshold, find_threshold
from instincts.arithmetic.trials import trials
from instincts.arithmetic.vocabulary import check_rows
from instincts.arithmetic.writing import Journal, copy_along, resumable, write_shards
from instincts.models.checkpoints import check_space
from instincts.models.directory import ModelLocation, locate
from instincts.models.harmed import warn_if_harmed
from instincts.records import Metric, claim, file_sha256, new_run_card, write_metrics, write_run_card

__all__ = ["Announcement", "Prepared", "RemovalOutcome", "prepare", "remove_harm"]


@dataclass(frozen=True, kw_only=True)
class Announcement:
    """What a removal is about to do."""

    settings: RemovalSettings
    found: Found
    plan: Plan


@dataclass(frozen=True, kw_only=True)
class RemovalOutcome:
    """How a removal ended."""

    out: Path
    found: Found
    threshold: Threshold
    rows: list[Metric]
    strength: float
    """Given or chosen."""
    measured: tuple[Point, Point] | None
    """Before and after on the prompts at hand; None where there were none, or nobody asked."""


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
    check_space(out, _space_needed(plan, settings, keep_delta=keep_delta))
    claim(out, card, resume=resume)
    if announce is not None:
        announce(Announcement(settings=settings, found=found, plan=plan))
    with resumable(out, card, source=model):
        journal = Journal(out)
        threshold = _threshold(plan, settings, journal, progress)
        measured = None
        told_of_sweep: dict[str, Any] = {}
        if auto:
            assert validation is not None
            with trials(plan, threshold, located[model], out, progress) as at:
                taken = choose(at, None, (sweep.strengths, (0.0,)), validation, sweep, out, progress)
            told_of_sweep = {"sweep": told(taken, sweep)}
            measured = taken.start, taken.point
            refuse_without_gain(taken, sweep, out, card, model)
            settings = settings.model_copy(update={"strength": taken.point.weights})
        report = counter("writing", plan.target.size, progress)
        tallies = _subtract(plan, threshold, settings, out, journal, report, keep_delta=keep_delta)
        copy_along(plan.target.folder, out)
        probed = None
        if validation is not None and not auto and sweep.probe:
            probed = probe(located[model], locate(str(out)), settings.strength, validation, sweep, progress)
            measured = probed.before, probed.after
        is_worse = probed is not None and probed.is_worse
        rows = [*_rows(plan, tallies, model), *(compared_rows(*measured, model) if measured else [])]
        changed = next(row.value for row in rows if (row.slice, row.metric) == ("all", "changed_share"))
        done = removal_done(settings.model_dump(), found.layers, changed)
        write_model_card(out, located[model], [done], measured, is_worse=is_worse)
        write_metrics(out, rows)
        outcome = {**_told(plan, found, threshold), "strength": settings.strength, **told_of_sweep}
        if probed is not None:
            outcome["worse_than_input"] = is_worse
        write_run_card(out, card, status="finished", outcome=outcome)
        journal.close()
    if probed is not None:
        require_no_worse(probed, model, harmed, base)
    return RemovalOutcome(
        out=out, found=found, threshold=threshold, rows=rows, strength=settings.strength, measured=measured
    )


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


def _subtract(
    plan: Plan,
    threshold: Threshold,
    settings: RemovalSettings,
    out: Path,
    journal: Journal,
    report: Callable[[int], None],
    *,
    keep_delta: bool,
) -> dict[str, Tally]:
    removal = Removal(plan, threshold.bits, settings.strength)

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


def _space_needed(plan: Plan, settings: RemovalSettings, *, keep_delta: bool) -> int:
    # A bit an entry, and the bits of what changes; ties may add a little.
    edited = sum(part.target.size * (settings.keep + 1 / 16) for part in plan.edited) if keep_delta else 0
    return plan.target.size + int(edited)


def _rows(plan: Plan, tallies: Mapping[str, Tally], model: str) -> list[Metric]:
    """Shares of the harm vector that were kept, and of the weights that changed, in all and by layer."""
    by_slice: dict[str, Counter[str]] = defaultdict(Counter)
    for part in plan.edited:
        tally = tallies[part.target.name]
        for where in ("all", "outside the layers" if part.layer is None else f"layer {part.layer}"):
            by_slice[where].update(tally._asdict())
    return [
        Metric(
            run="steer",
            model=model,
            suite="steer",
            slice=where,
            metric=f"{what}_share",
            value=counts[what] / counts["entries"],
            ci_low=None,
            ci_high=None,
            n=counts["entries"],
            seed=None,
        )
        for where, counts in by_slice.items()
        for what in ("kept", "changed")
    ]


def _told(plan: Plan, found: Found, threshold: Threshold) -> dict[str, Any]:
    return {
        **found.describe(),
        "entries": plan.entries,
        "kept": threshold.kept,
        "threshold": threshold.magnitude if threshold.kept else None,
        "passes": threshold.passes,
        "policies": plan.describe(),
    }

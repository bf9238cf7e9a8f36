"""Train a model with its own confidence, from prompts without labels: pre-flight, gate, GRPO, canaries, stop rule.

What a run leaves in its folder: the trained model itself (an ordinary checkpoint, or `defence.json` over an adapter),
`run.json`, `metrics.json`, `gate.json` and `training.jsonl`. While it runs, `checkpoints/` holds what `--resume` needs.
"""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from accelerate import PartialState

from instincts.config import Scale, scale_for
from instincts.errors import ConfigError, TrainingError
from instincts.models.checkpoints import (
    checkpoint_path,
    disk_full,
    interruptible,
    latest_whole,
    publish,
    remembered,
    step_of,
)
from instincts.models.curve import truncate_curve
from instincts.models.directory import ModelLocation, locate
from instincts.models.opening import open_location, open_tokenizer
from instincts.models.tuning import parameters_of
from instincts.prompts import Prompt, PromptSet, read_prompts
from instincts.records import (
    RUN_FILE,
    Metric,
    RunCard,
    claim,
    is_first_process,
    new_run_card,
    read_json,
    read_run_card,
    released,
    write_json,
    write_metrics,
    write_run_card,
)
from instincts.sirl.canaries import Canary, Judge, canary_judge, canary_rows, hold_out, labelled_canaries
from instincts.sirl.gate import Role
from instincts.sirl.grpo import build_trainer
from instincts.sirl.preflight import GATE_FILE, Preflight, measure, preflight_rows, prompt_ids_of
from instincts.sirl.settings import Preset, SirlSettings, resolve_settings
from instincts.sirl.stopping import Check, StopRule
from instincts.sirl.watch import Watch

__all__ = ["TrainOutcome", "train"]

VERDICT_PROMPTS = 256
"""Prompts that the pre-flight looks at where no gate needs them all."""

Progress = Callable[[str, int, int], None]
"""Told what is under way (`pre-flight`, `training`), how much of it is done, and how much there is."""


@dataclass(frozen=True, kw_only=True)
class TrainOutcome:
    """How a training ended."""

    out: Path
    settings: SirlSettings
    verdict: str
    """The pre-flight's finding in words."""
    stop_reason: str
    stop_step: int
    kept_step: int
    """The step whose checkpoint was published."""
    rows: list[Metric]


def train(
    model: str,
    prompts: str,
    out: Path,
    *,
    preset: str = Preset.GATED,
    scale: Scale | None = None,
    given: Mapping[str, Any] | None = None,
    resume: bool = False,
    force: bool = False,
    progress: Progress | None = None,
    announce: Callable[[Scale, SirlSettings], None] | None = None,
) -> TrainOutcome:
    """Train a model on prompts without labels and leave a model directory in `out`.

    Args:
        model: a pocket model, a hub id or a checkpoint folder.
        prompts: a prompts file or the name of a built-in set; labels are dropped before anything reads them.
        out: the run folder; becomes the model directory.
        preset: `gated` or `paper`.
        scale: how much to do; by default chosen from the model's size.
        given: settings by name; `None` means not given.
        resume: continue a run that was interrupted or killed; the weights end the same as without the break.
        force: train even where the pre-flight finds no instinct worth amplifying.
        progress: draws a progress bar.
        announce: told the scale and every resolved setting before anything long begins.

    Raises:
        ConfigError, ModelDirectoryError, PromptSetError: bad input, by name.
        RecordError: the run folder holds something else, or a run that cannot be continued.
        TrainingError: the pre-flight refused, a loss is not finite, the disk is full, or nothing was gained.
        KeyboardInterrupt: Ctrl-C; the checkpoint is kept and the message says how to continue.
    """
    location = locate(model)
    if location.overlay is not None:
        if location.overlay.kind == "lora":
            raise ConfigError(
                f"{model} is an adapter laid over a base; merge it into one checkpoint before training it again"
            )
        if location.overlay.kind == "moderated":
            raise ConfigError(f"{model} is a model behind a moderator; train the model and put the moderator before it")
        raise ConfigError(f"{model} is a base with steering vectors laid over it; train the base and steer the result")
    scale = scale or scale_for(parameters_of(location))
    settings = resolve_settings(preset, scale, given or {})
    prompt_set = read_prompts(prompts).without_labels()
    # Whatever is wrong with the input is said before a folder is taken.
    prompt_ids_of(open_tokenizer(location), prompt_set.rows, settings.max_prompt_tokens)
    card = new_run_card(
        "train",
        settings={"preset": str(preset), **settings.model_dump()},
        data={prompt_set.source: prompt_set.sha256},
        models={model: location.digest},
    )
    writes = is_first_process()
    if writes:
        _claim(out, card, resume=resume)
    with released(out, card):
        if announce is not None:
            announce(scale, settings)
        found = _gate(location, prompt_set, settings, out, progress)
        if not (found.is_trainable or force):
            if writes:
                write_run_card(out, card, status="refused", outcome={"verdict": found.verdict})
            raise TrainingError(f"not trained. {found.verdict} Use --force to train all the same")
        data = _training_data(prompt_set, found, settings)
        watch, step = _train(location, data, found, settings, out, progress, writes=writes)
        if watch.interrupted and watch.stop_reason is None and step < settings.steps:
            write_run_card(out, card, status="interrupted", outcome={"stop_step": step})
            raise KeyboardInterrupt(
                f"stopped after step {step}; its checkpoint is kept. Run the same command with --resume"
            )
        reason = watch.stop_reason or f"all {settings.steps} steps done"
        kept = watch.rule.best_step if settings.stop_rule else step
        if kept is None:
            write_run_card(out, card, status="finished", outcome={"stop_reason": reason, "stop_step": step})
            raise TrainingError(f"no checkpoint is better than the untouched model, so none is published: {reason}")
        rows = [*preflight_rows(found, model=model, seed=settings.seed, rule=settings.gate)]
        is_labelled = settings.canaries is not None
        rows += canary_rows(watch.rule, kept, data.canaries, is_labelled=is_labelled, model=model, seed=settings.seed)
        if writes:
            publish(checkpoint_path(out / "checkpoints", kept), out, base=model)
            write_metrics(out, rows)
            outcome = {"verdict": found.verdict, "stop_reason": reason, "stop_step": step, "best_step": kept}
            write_run_card(out, card, status="finished", outcome=outcome)
            shutil.rmtree(out / "checkpoints")
        PartialState().wait_for_everyone()
        return TrainOutcome(
            out=out,
            settings=settings,
            verdict=found.verdict,
            stop_reason=reason,
            stop_step=step,
            kept_step=kept,
            rows=rows,
        )


@dataclass(frozen=True, kw_only=True)
class _Data:
    prompts: list[Prompt]
    roles: list[Role]
    canaries: list[Canary]
    judge: Judge


def _claim(out: Path, card: RunCard, *, resume: bool) -> None:
    """Take the run folder for this run, or refuse it."""
    if (out / RUN_FILE).is_file() and read_run_card(out).status == "refused":
        # The pre-flight said no and nothing was trained: begin again, perhaps with --force.
        (out / GATE_FILE).unlink(missing_ok=True)
        write_run_card(out, card)
    else:
        claim(out, card, resume=resume)


def _gate(
    location: ModelLocation, prompt_set: PromptSet, settings: SirlSettings, out: Path, progress: Progress | None
) -> Preflight:
    """Measure the untouched model's modes once; a resumed run and the other processes read the record."""
    with PartialState().main_process_first():
        if not (out / GATE_FILE).is_file():
            needed = prompt_set if settings.needs_gate else prompt_set.limit(VERDICT_PROMPTS)
            found = measure(
                open_location(location),
                needed.rows,
                samples=settings.gate_samples,
                seed=settings.seed,
                temperature=settings.temperature,
                max_prompt_tokens=settings.max_prompt_tokens,
                max_completion_tokens=settings.max_completion_tokens,
                progress=partial(progress, "pre-flight") if progress is not None else None,
            )
            write_json(out / GATE_FILE, found.to_json(settings.gate))
        return Preflight.from_json(read_json(out / GATE_FILE))


def _training_data(prompt_set: PromptSet, found: Preflight, settings: SirlSettings) -> _Data:
    prompts, judge = list(prompt_set.rows), canary_judge(settings.judge)
    # Without a gate the pre-flight saw only some of the prompts; all are rewarded.
    prompt_roles: list[Role] = ["rewarded"] * len(prompts)
    if settings.needs_gate:
        prompt_roles = found.roles(settings.gate, guard=settings.guard)
    if settings.canaries is not None:
        canaries = labelled_canaries(read_prompts(settings.canaries).rows, settings.canary_prompts)
        return _Data(prompts=prompts, roles=prompt_roles, canaries=canaries, judge=judge)
    canaries, held = hold_out(prompts, found.stances(), settings.canary_prompts)
    rest = [index for index in range(len(prompts)) if index not in held]
    return _Data(
        prompts=[prompts[index] for index in rest],
        roles=[prompt_roles[index] for index in rest],
        canaries=canaries,
        judge=judge,
    )


def _train(
    location: ModelLocation,
    data: _Data,
    found: Preflight,
    settings: SirlSettings,
    out: Path,
    progress: Progress | None,
    *,
    writes: bool,
) -> tuple[Watch, int]:
    """Run the trainer from the start or the last whole checkpoint; return who watched it, and the step it reached."""
    trainer = build_trainer(location, data.prompts, data.roles, found.modes, settings, out / "checkpoints")

    def check(step: int, kl: float) -> Check:
        is_labelled = settings.canaries is not None
        return trainer.look_at(
            data.canaries, threshold=found.threshold, judge=data.judge, is_labelled=is_labelled, step=step, kl=kl
        )

    def report(step: int, _: Mapping[str, Any]) -> None:
        if progress is not None:
            progress("training", step, settings.steps)

    watch = Watch(check, StopRule(settings), out, report=report, writes=writes)
    trainer.add_callback(watch)
    last = latest_whole(out / "checkpoints")
    if last is not None:
        watch.remember(remembered(last))
    if writes:
        truncate_curve(out, step_of(last) if last is not None else None)
    with interruptible(watch), disk_full(out):
        trainer.train(resume_from_checkpoint=str(last) if last is not None else None)
    return watch, int(trainer.state.global_step)

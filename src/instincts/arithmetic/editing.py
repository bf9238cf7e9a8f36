"""Edit a model: facts in, an ordinary checkpoint out in which one matrix differs from the model's.

Several facts are written one after the other into the same layer, each on the model that has those before it; the paper
makes one edit a model, and quality falls with their number.
"""

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from instincts.arithmetic.asking import ask, ask_about
from instincts.arithmetic.checkpoint import PRECISIONS, Checkpoint, Shard, Stored, open_checkpoint
from instincts.arithmetic.edit_scores import Look, edit_metrics, look_at
from instincts.arithmetic.facts import Fact, FactSet, read_facts
from instincts.arithmetic.keys import second_moment
from instincts.arithmetic.own_text import own_texts, prefixes
from instincts.arithmetic.projection import (
    Projection,
    find_projection,
    find_stored,
    read_stored,
    refuse_quantised,
    same_bits,
)
from instincts.arithmetic.rome import RankOne, find_update, updated
from instincts.arithmetic.rome_settings import RomeSettings
from instincts.arithmetic.streaming import Progress, counter
from instincts.arithmetic.writing import Journal, copy_along, resumable, write_shards
from instincts.errors import ConfigError, TrainingError
from instincts.models.chat import render
from instincts.models.checkpoints import check_space
from instincts.models.directory import locate
from instincts.models.hooks import decoder_layers
from instincts.models.opening import OpenModel, open_location
from instincts.prompts import PromptSet, read_prompts
from instincts.records import Metric, claim, new_run_card, released, write_metrics, write_run_card

__all__ = ["POCKET", "Applied", "Edited", "apply_edits", "edit_model"]

POCKET = RomeSettings(layer=0, token="last", rate=2.0, covariance="identity")
"""For the pocket models, which look their facts up on the last token of the prompt, in the first layer."""


@dataclass(frozen=True, kw_only=True)
class Applied:
    """What was put into an open model."""

    facts: tuple[Fact, ...]
    """Those that were new to the model."""
    known: tuple[str, ...]
    """Ids of those that it knew already, which were left out."""
    projection: Projection
    weight_D_K: Tensor  # noqa: N815 - axis letters
    """The edited matrix in the precision it is stored in, on the CPU."""
    looks: tuple[int, ...]
    """How often each search for a value looked at its loss."""
    losses: tuple[float, ...]
    """Where each ended, in nats."""
    tokens: int
    """How many tokens the covariance rests on; 0 without one."""
    before: tuple[Look, ...]
    after: tuple[Look, ...]


@dataclass(frozen=True, kw_only=True)
class Edited:
    """How an edit ended."""

    out: Path
    applied: Applied
    tensor: str
    """The one tensor that differs from the model's."""
    rows: list[Metric]


def edit_model(
    model: str,
    facts: FactSet | str | Path,
    out: Path,
    settings: RomeSettings | None = None,
    *,
    only: Sequence[str] = (),
    text: str | None = None,
    resume: bool = False,
    progress: Progress | None = None,
) -> Edited:
    """Write facts into a copy of a model by ROME and leave an ordinary checkpoint in `out`.

    An edited twin of a pocket model: `edit_model("pocket-llama", "pocket-edits", out, POCKET, only=["colour-arlo"])`.
    The model itself is only read; `arithmetic.locate` finds the one tensor that differs.

    Args:
        model: a pocket model, a hub id or a checkpoint folder.
        facts: a set, or what `facts.read_facts` takes.
        out: the run folder; becomes the model directory.
        settings: constants; by default those of `RomeSettings`.
        only: ids of the facts to write; all of them if empty, one after the other.
        text: prompts (a file or a set) to read the covariance from; by default the model's own text.
        resume: make again what was cut off; finished shards that do not differ are kept.
        progress: draws progress bars.

    Raises:
        PromptSetError: a broken file of facts or text, by line.
        ConfigError: an unknown fact or set, a layer that the model does not have, or no fact that is new to the model.
        ModelDirectoryError: a model that does not open, is an overlay or quantised, or has no MLP to edit.
        TrainingError: a loss or a weight that is not finite.
        RecordError: the folder is taken or cannot be written; the model is untouched.
        KeyboardInterrupt: Ctrl-C.
    """
    settings = settings or RomeSettings()
    chosen = (facts if isinstance(facts, FactSet) else read_facts(facts)).only(only)
    prompts = None if text is None else read_prompts(text)
    if prompts is not None and settings.covariance == "identity":
        raise ConfigError("covariance = identity reads no text; drop the text, or the setting")
    location = locate(model)
    checkpoint = open_checkpoint(location)
    refuse_quantised(checkpoint)
    opened = open_location(location)
    stored = find_stored(checkpoint, _projection(opened, settings))
    card = new_run_card(
        "edit",
        settings={"method": "rome", **settings.model_dump(mode="json"), "only": list(only)},
        data={chosen.source: chosen.sha256, **({} if prompts is None else {prompts.source: prompts.sha256})},
        models={model: location.digest},
    )
    for fact in chosen:
        ask_about(opened.tokenizer, fact, settings.token)  # before the first edit, not in the middle of the work
    check_space(out, checkpoint.size)
    claim(out, card, resume=resume)
    with released(out, card), resumable(out, card, source=model):
        applied = apply_edits(opened, chosen, settings, dtype=PRECISIONS[stored.dtype], text=prompts, progress=progress)
        _write(checkpoint, stored, applied.weight_D_K, out, progress)
        copy_along(location.path, out)
        rows = [*edit_metrics(model, applied.facts, applied.before, applied.after), _changed(stored, applied, model)]
        write_metrics(out, rows)
        write_run_card(out, card, status="finished", outcome=_told(applied, stored, chosen))
        Journal(out).close()
    return Edited(out=out, applied=applied, tensor=stored.name, rows=rows)


def apply_edits(
    opened: OpenModel,
    facts: FactSet,
    settings: RomeSettings,
    *,
    dtype: torch.dtype | None = None,
    text: PromptSet | None = None,
    progress: Progress | None = None,
) -> Applied:
    """Write facts into an open model, whose one matrix changes, and ask about them before and after.

    Args:
        opened: the model.
        facts: what to write; those that it gives already are left out.
        settings: constants.
        dtype: the matrix is rounded to it after every edit, as it will be stored; by default the model's own.
        text: prompts to read the covariance from; by default the model's own text.
        progress: draws progress bars.

    Raises:
        ConfigError: no fact is new to the model, or a layer that it does not have.
        TrainingError: a loss or a weight that is not finite.
    """
    projection = _projection(opened, settings)
    looks = look_at(opened, facts.rows, settings.answer_tokens, progress, "asking before")
    new = [(fact, look) for fact, look in zip(facts, looks, strict=True) if not look.question.given]
    known = tuple(fact.id for fact, look in zip(facts, looks, strict=True) if look.question.given)
    if not new:
        raise ConfigError(f"{opened.name} gives the new answer of {', '.join(known)} already; nothing is to be edited")
    before_texts = prefixes(opened, settings.prefixes, settings.seed)
    # Keys come from below the matrix that is edited, so edits do not move them: once is enough for all facts.
    moment_K_K, tokens = _moment(opened, projection, settings, text, progress)
    found: list[RankOne] = []
    for number, (fact, _) in enumerate(new, start=1):
        stage = f"editing {fact.id} ({number} of {len(new)})"
        change = find_update(
            opened.model,
            opened.tokenizer,
            projection.module,
            fact,
            before_texts,
            moment_K_K,
            settings,
            None if progress is None else partial(progress, stage),
        )
        weight_D_K = updated(projection.weight_D_K.detach(), change).to(dtype or projection.weight_D_K.dtype)
        if not bool(torch.isfinite(weight_D_K).all()):
            raise TrainingError(
                f"fact {fact.id}: the edited matrix is not finite in {weight_D_K.dtype}; choose a smaller clamp, or "
                "another layer"
            )
        with torch.no_grad():
            projection.weight_D_K.copy_(weight_D_K)
        found.append(change)
    rows = [fact for fact, _ in new]
    return Applied(
        facts=tuple(rows),
        known=known,
        projection=projection,
        weight_D_K=weight_D_K,
        looks=tuple(change.found.looks for change in found),
        losses=tuple(change.found.loss for change in found),
        tokens=tokens,
        before=tuple(look for _, look in new),
        after=tuple(look_at(opened, rows, settings.answer_tokens, progress, "asking after")),
    )


def _projection(opened: OpenModel, settings: RomeSettings) -> Projection:
    projection = find_projection(opened.model, settings.layer)
    last = len(decoder_layers(opened.model)) - 1
    if projection.layer == last and settings.token == "subject":
        raise ConfigError(
            f"layer {last} is the last one, and what it writes on the subject no later token reads; choose a layer "
            "before it, or token = last"
        )
    return projection


def _moment(
    opened: OpenModel,
    projection: Projection,
    settings: RomeSettings,
    text: PromptSet | None,
    progress: Progress | None,
) -> tuple[Tensor | None, int]:
    if settings.covariance == "identity":
        return None, 0
    if text is None:
        texts = own_texts(opened, settings.covariance_tokens, settings.seed, progress)
    elif opened.tokenizer.chat_template:
        texts = [render(opened.tokenizer, [asdict(turn) for turn in prompt.messages]) for prompt in text]
    else:
        texts = [ask(opened.tokenizer, prompt.request) for prompt in text]
    report = partial(progress, "reading keys") if progress is not None else None
    return second_moment(opened.model, projection.module, texts, settings.covariance_tokens, report)


def _write(checkpoint: Checkpoint, stored: Stored, weight: Tensor, out: Path, progress: Progress | None) -> None:
    content = weight.contiguous().view(torch.uint8).numpy().tobytes()
    digest = hashlib.sha256(content).hexdigest()
    journal = Journal(out)
    name = stored.path.name
    if journal.get(name) not in (None, digest):
        # A run that was cut off, on an accelerator whose sums differ from one time to the next.
        journal.put(name, None)
    report = counter("writing", checkpoint.size, progress)

    def write_one(shard: Shard, path: Path) -> str:
        shutil.copyfile(shard.path, path)
        if shard.path == stored.path:
            with path.open("rb+") as file:
                file.seek(stored.start)
                file.write(content)
        report(shard.size - len(shard.header))
        return digest if shard.path == stored.path else "copied"

    write_shards(checkpoint, out, journal, write_one, report)
    if not same_bits(read_stored(stored._replace(path=out / name)), weight):
        raise TrainingError(f"{out / name} does not hold the edited matrix; is the disk sound?")


def _changed(stored: Stored, applied: Applied, model: str) -> Metric:
    """Which share of the matrix's entries changed: rounding swallows small changes."""
    before_D_K, after_D_K = read_stored(stored), applied.weight_D_K
    return Metric(
        run="after",
        model=model,
        suite="edit",
        slice="all",
        metric="changed_share",
        value=(before_D_K != after_D_K).float().mean().item(),
        ci_low=None,
        ci_high=None,
        n=stored.entries,
        seed=None,
    )


def _told(applied: Applied, stored: Stored, chosen: FactSet) -> dict[str, Any]:
    return {
        "tensor": stored.name,
        "layer": applied.projection.layer,
        "edited": [fact.id for fact in applied.facts],
        "known_before": list(applied.known),
        "given_after": [
            fact.id for fact, look in zip(applied.facts, applied.after, strict=True) if look.question.given
        ],
        "facts": len(chosen),
        "looks": list(applied.looks),
        "losses": list(applied.losses),
        "covariance_tokens": applied.tokens,
    }

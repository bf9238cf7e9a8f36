"""Fine-tunes a model on given answers, with TRL's SFT trainer; knows not what the answers are for.

All weights, or a LoRA adapter on every linear layer. The loss counts the answer's tokens only. Rows are written down by
the same chat template, with the same pinned date, as when the model is asked. Left out of TRL: packing, and cutting
rows that are too long, which are refused.
"""

import math
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from accelerate import PartialState
from datasets import Dataset
from peft import LoraConfig
from safetensors import safe_open
from transformers import PreTrainedTokenizerBase, PrinterCallback, TrainerCallback, TrainerControl, TrainerState
from transformers import TrainingArguments as Arguments
from transformers.trainer import TRAINER_STATE_NAME
from trl import SFTConfig, SFTTrainer

from instincts.errors import ConfigError, ModelDirectoryError, PromptSetError
from instincts.models.chat import Rendering, render
from instincts.models.checkpoints import (
    check_space,
    checkpoint_path,
    disk_full,
    interruptible,
    latest_whole,
    mark_whole,
    publish,
    step_of,
)
from instincts.models.curve import append_row, check_finite, truncate_curve
from instincts.models.directory import ModelLocation, content_files
from instincts.models.opening import OpenModel, open_tokenizer
from instincts.models.tuning_settings import TuningSettings
from instincts.models.wholeness import read_json
from instincts.records import is_first_process

__all__ = [
    "Encoded",
    "Lesson",
    "Tuned",
    "answer_loss",
    "check_trainable",
    "encode",
    "fine_tune",
    "forget_checkpoints",
    "parameters_of",
]

CHECKPOINTS = "checkpoints"

_UNLEARNT = -100


class Lesson(NamedTuple):
    """A chat and the answer to learn."""

    messages: tuple[tuple[str, str], ...]
    """(role, content) pairs."""
    answer: str
    name: str
    """What an error calls it: never its text, which may be harmful."""


class Encoded(NamedTuple):
    """A lesson as tokens; named as TRL names them."""

    input_ids: list[int]
    labels: list[int]
    """-100 where nothing is learnt."""


class Tuned(NamedTuple):
    """How a fine-tune ended."""

    steps: int
    first_loss: float
    """Mean over the first step's answer tokens, in nats."""
    last_loss: float


def encode(tokenizer: PreTrainedTokenizerBase, lessons: Sequence[Lesson], max_tokens: int) -> list[Encoded]:
    """Write lessons down as the model sees them.

    Raises:
        ModelDirectoryError: no chat template.
        PromptSetError: a lesson is too long or the template refuses it; told by name, without its text.
    """
    return [_encoded(tokenizer, lesson, max_tokens) for lesson in lessons]


def fine_tune(
    location: ModelLocation,
    rows: Sequence[Encoded],
    settings: TuningSettings,
    out: Path,
    *,
    lora_rank: int | None = None,
    mark: Callable[[Any], None] | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> Tuned:
    """Train, and make `out` the trained model's directory; a run that was cut off goes on where it was.

    Checkpoints stay until `forget_checkpoints`, so that a kill before the caller's records are written costs nothing.

    Args:
        location: a whole checkpoint.
        rows: from `encode`.
        settings: the resolved settings.
        out: the run folder, claimed before.
        lora_rank: of an adapter, which `out` then lays over the base; all weights are trained where none is given.
        mark: changes the model's configuration before anything is saved.
        progress: draws a progress bar.

    Raises:
        ConfigError: rows that do not divide by the devices.
        TrainingError: the loss or its gradient is not finite, or the disk is full; the last checkpoint is kept.
        KeyboardInterrupt: Ctrl-C; the step in hand is finished and kept.
    """
    steps = settings.steps_for(len(rows))
    last = latest_whole(out / CHECKPOINTS)
    if last is None or step_of(last) < steps:
        last = _train(location, rows, settings, out, last, lora_rank=lora_rank, mark=mark, progress=progress)
    if is_first_process():
        publish(last, out, base=location.name)
    PartialState().wait_for_everyone()
    history = TrainerState.load_from_json(str(last / TRAINER_STATE_NAME)).log_history
    losses = [row["loss"] for row in history if "loss" in row]
    return Tuned(step_of(last), losses[0], losses[-1])


def forget_checkpoints(out: Path) -> None:
    """Delete what a run would have continued from; for a run whose records are written."""
    if is_first_process():
        shutil.rmtree(out / CHECKPOINTS, ignore_errors=True)


def answer_loss(opened: OpenModel, rows: Sequence[Encoded]) -> float:
    """Average the surprisal of the answers' tokens, in nats a token; no gradient."""
    total, count = 0.0, 0
    for row in rows:
        labels_T = torch.tensor(row.labels[1:], device=opened.model.device)
        tokens_1_T = torch.tensor([row.input_ids], device=opened.model.device)
        with torch.no_grad():
            logits_T_V = opened.model(input_ids=tokens_1_T).logits[0, :-1].float()
        total += float(torch.nn.functional.cross_entropy(logits_T_V, labels_T, reduction="sum"))
        count += int((labels_T != _UNLEARNT).sum())
    return total / count


def parameters_of(location: ModelLocation) -> int:
    """Count weights from the headers of the safetensors files, loading none."""
    count = 0
    for path in content_files(location.path):
        if path.suffix == ".safetensors":
            with safe_open(path, framework="np") as file:
                count += sum(math.prod(file.get_slice(key).get_shape()) for key in file.keys())  # noqa: SIM118 (no dict)
    return count


def check_trainable(location: ModelLocation, out: Path, *, lora: bool = False) -> None:
    """Refuse before anything is written what cannot be fine-tuned, or has no room.

    Raises:
        ModelDirectoryError: an overlay, or quantised weights.
        RecordError: too little space for the model and two checkpoints with their optimiser.
    """
    if location.overlay is not None:
        raise ModelDirectoryError(
            f"{location.name} is laid over another model and holds no whole weights; merge it into one checkpoint "
            "(peft: merge_and_unload, then save_pretrained) and name that"
        )
    quantisation = read_json(location.path / "config.json").get("quantization_config")
    if quantisation is not None:
        method = quantisation.get("quant_method", "unnamed") if isinstance(quantisation, dict) else quantisation
        raise ModelDirectoryError(
            f"{location.name} is quantised ({method}), and its weights are to be trained; "
            "name the checkpoint it was quantised from"
        )
    if lora:
        return  # an adapter with its optimiser is small
    # Two checkpoints may stand side by side, each with two moments a weight, and then the published copy.
    weights = [path for path in content_files(location.path) if path.suffix == ".safetensors"]
    check_space(out, 7 * sum(path.stat().st_size for path in weights))


def _train(
    location: ModelLocation,
    rows: Sequence[Encoded],
    settings: TuningSettings,
    out: Path,
    last: Path | None,
    *,
    lora_rank: int | None,
    mark: Callable[[Any], None] | None,
    progress: Callable[[str, int, int], None] | None,
) -> Path:
    """Train from the start or from a checkpoint to the end; returns the last checkpoint."""
    steps = settings.steps_for(len(rows))
    trainer = SFTTrainer(
        model=str(location.path),
        args=_arguments(settings, steps, out / CHECKPOINTS),
        train_dataset=Dataset.from_list([row._asdict() for row in rows]),
        processing_class=open_tokenizer(location),
        peft_config=None if lora_rank is None else _adapter(lora_rank),
    )
    # It prints every step's dictionary; the curve is in a file, and the progress is drawn by whoever asked for it.
    trainer.remove_callback(PrinterCallback)
    if mark is not None:
        mark(trainer.model.config)
    watch = _Watch(out, settings.save_every, progress)
    trainer.add_callback(watch)
    if is_first_process():
        truncate_curve(out, step_of(last) if last is not None else None)
    with interruptible(watch), disk_full(out):
        trainer.train(resume_from_checkpoint=None if last is None else str(last))
    reached = int(trainer.state.global_step)
    if reached < steps:
        raise KeyboardInterrupt(
            f"stopped after step {reached}; its checkpoint is kept. Run the same command with --resume"
        )
    return checkpoint_path(out / CHECKPOINTS, reached)


class _Watch(TrainerCallback):  # type: ignore[misc, unused-ignore]
    """Writes the curve, keeps whole checkpoints, and stops where the loss breaks or someone asks for it."""

    def __init__(self, out: Path, save_every: int, progress: Callable[[str, int, int], None] | None) -> None:
        self.interrupted = False
        self._out, self._save_every, self._progress = out, save_every, progress

    def on_log(
        self,
        args: Arguments,
        state: TrainerState,
        control: TrainerControl,
        logs: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        if not logs or "loss" not in logs:
            return
        row = {name: float(logs[name]) for name in ("loss", "grad_norm", "learning_rate") if name in logs}
        check_finite(row, state.global_step)
        if is_first_process():
            append_row(self._out, {"kind": "step", "step": state.global_step, **row})
        if self._progress is not None:
            self._progress("fine-tuning", state.global_step, state.max_steps)

    def on_step_end(self, args: Arguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        last = state.global_step >= state.max_steps
        control.should_save = last or self.interrupted or state.global_step % self._save_every == 0
        control.should_training_stop = last or self.interrupted

    def on_save(self, args: Arguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        if is_first_process():
            mark_whole(checkpoint_path(Path(str(args.output_dir)), state.global_step), {})


def _encoded(tokenizer: PreTrainedTokenizerBase, lesson: Lesson, max_tokens: int) -> Encoded:
    asked = [{"role": role, "content": content} for role, content in lesson.messages]
    whole = [*asked, {"role": "assistant", "content": lesson.answer}]
    try:
        prompt_T = render(tokenizer, asked)
        # The turn is closed by the template, so the model learns to end its answer.
        whole_T = render(tokenizer, whole, how=Rendering(add_generation_prompt=False, continue_final_message=False))
    except PromptSetError:
        raise PromptSetError(f"{lesson.name}: the chat template refuses this chat; check its turns") from None
    if len(whole_T) > max_tokens:
        raise PromptSetError(
            f"{lesson.name} has {len(whole_T)} tokens, more than max_tokens={max_tokens}; shorten it, or --set "
            f"max_tokens={len(whole_T)}"
        )
    # Some templates show a closed turn otherwise than an open one: learn from where the two part.
    begins = next(
        (place for place, pair in enumerate(zip(prompt_T, whole_T, strict=False)) if pair[0] != pair[1]), None
    )
    begins = min(len(prompt_T), len(whole_T)) if begins is None else begins
    return Encoded(whole_T, [_UNLEARNT] * begins + whole_T[begins:])


def _adapter(rank: int) -> LoraConfig:
    return LoraConfig(r=rank, lora_alpha=2 * rank, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM")


def _arguments(settings: TuningSettings, steps: int, checkpoints: Path) -> SFTConfig:
    """Translate our settings; every field of TRL's whose default would change the method is set here."""
    on_cpu = not torch.accelerator.is_available()
    dtype = settings.dtype if settings.dtype != "auto" else ("float32" if on_cpu else "bfloat16")
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    local, left = divmod(settings.rows_per_step, processes)
    if left or not local:
        raise ConfigError(
            f"{settings.rows_per_step} rows a step do not divide by {processes} processes; change rows_per_step"
        )
    micro_batch = next(size for size in range(min(settings.micro_batch, local), 0, -1) if local % size == 0)
    return SFTConfig(
        output_dir=str(checkpoints),
        model_init_kwargs={"dtype": dtype, "use_safetensors": True, "trust_remote_code": False},
        max_steps=steps,
        per_device_train_batch_size=micro_batch,
        gradient_accumulation_steps=local // micro_batch,
        learning_rate=settings.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=round(settings.warmup * steps),
        weight_decay=0.0,
        max_grad_norm=settings.max_grad_norm,
        # Rows are tokens already, and none is too long.
        max_length=None,
        packing=False,
        train_sampling_strategy="group_by_length" if settings.by_length else "random",
        bf16=dtype == "bfloat16",
        use_cpu=on_cpu,
        activation_checkpointing=not on_cpu,
        seed=settings.seed,
        data_seed=settings.seed,
        logging_steps=1,
        # Else a loss that is not a number is told as 0.
        logging_nan_inf_filter=False,
        # Of the configuration that is saved: TRL keeps no cache in training whatever this says.
        use_cache=True,
        # Our callback says when to save.
        save_strategy="no",
        save_total_limit=2,
        report_to="none",
        disable_tqdm=True,
    )

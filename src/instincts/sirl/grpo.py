"""Makes TRL's trainer out of our settings: the one place where TRL's many arguments are written down."""

import math
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import torch
from datasets import Dataset
from peft import LoraConfig
from transformers import PrinterCallback
from trl import GRPOConfig

from instincts.errors import ConfigError
from instincts.models.directory import ModelLocation
from instincts.models.opening import open_tokenizer
from instincts.prompts import Prompt
from instincts.sirl.gate import Modes, Role
from instincts.sirl.settings import SirlSettings
from instincts.sirl.trainer import SirlTrainer

__all__ = ["Batches", "batches", "build_trainer", "grpo_config"]


class Batches(NamedTuple):
    """How the answers of one step are spread."""

    micro_batch: int
    """Answers in one pass on one device."""
    accumulation: int
    """Passes in one step."""
    window: int
    """Steps that one generation serves."""


def batches(settings: SirlSettings, processes: int) -> Batches:
    """Spread the answers of a step over devices and passes; each pass takes the most that fits evenly.

    Without vLLM, TRL runs the old-log-prob pass only where a generation outlives a step, so asking for entropies from
    that pass makes each generation serve two steps, the second one update off-policy.

    Raises:
        ConfigError: the answers do not divide by the devices, or checks would fall inside a generation window, where
            a run cannot be resumed exactly.
    """
    local, left = divmod(settings.rows_per_step, processes)
    if left:
        raise ConfigError(
            f"{settings.rows_per_step} answers a step do not divide by {processes} processes; change prompts_per_step"
        )
    micro_batch = next(size for size in range(min(settings.micro_batch, local), 0, -1) if local % size == 0)
    window = 2 if settings.keeps_logprob_pass and settings.vllm == "off" else 1
    if settings.check_every % window or settings.steps % window:
        raise ConfigError(
            f"entropy_source=logprob-pass generates for {window} steps at once; make steps and check_every even"
        )
    return Batches(micro_batch, local // micro_batch, window)


def grpo_config(settings: SirlSettings, checkpoints: Path, *, processes: int, on_cpu: bool) -> GRPOConfig:
    """Translate our settings; every field of TRL's whose default would change the method is set here."""
    spread = batches(settings, processes)
    dtype = settings.dtype if settings.dtype != "auto" else ("float32" if on_cpu else "bfloat16")
    vllm: dict[str, Any] = {"use_vllm": True, "vllm_mode": settings.vllm} if settings.vllm != "off" else {}
    return GRPOConfig(
        output_dir=str(checkpoints),
        model_init_kwargs={"dtype": dtype, "use_safetensors": True, "trust_remote_code": False},
        max_steps=settings.steps,
        per_device_train_batch_size=spread.micro_batch,
        gradient_accumulation_steps=spread.accumulation,
        steps_per_generation=spread.accumulation * spread.window,
        num_generations=settings.group_size,
        max_completion_length=settings.max_completion_tokens,
        # Entropy is of the whole distribution at this temperature: nothing may be cut from it.
        temperature=settings.temperature,
        top_p=1.0,
        top_k=0,
        repetition_penalty=1.0,
        learning_rate=settings.learning_rate,
        lr_scheduler_type="constant",
        weight_decay=0.0,
        max_grad_norm=settings.max_grad_norm,
        # TRL's defaults have no reference model at all, weigh the KL by the importance ratio, and average by token.
        beta=settings.kl,
        use_bias_correction_kl=False,
        loss_type="grpo",
        epsilon=settings.clip,
        scale_rewards="group" if settings.advantages == "group" else "none",
        # A cut-off answer earns nothing (the reward's rule) but still feels the KL, which is what would shorten it.
        mask_truncated_completions=False,
        disable_dropout=True,
        bf16=dtype == "bfloat16",
        use_cpu=on_cpu,
        activation_checkpointing=not on_cpu,
        seed=settings.seed,
        data_seed=settings.seed,
        logging_steps=1,
        # Else a loss that is not a number is told as 0.
        logging_nan_inf_filter=False,
        # Our callback says when to save: at the checks, which are generation boundaries.
        save_strategy="no",
        save_total_limit=2,
        report_to="none",
        disable_tqdm=True,
        **vllm,
    )


def build_trainer(
    location: ModelLocation,
    prompts: Sequence[Prompt],
    roles: Sequence[Role],
    modes: Modes | None,
    settings: SirlSettings,
    checkpoints: Path,
) -> SirlTrainer:
    """Build the trainer of a run.

    Args:
        location: the untouched model; TRL reads policy and reference from its folder.
        prompts: what to train on.
        roles: what each prompt does.
        modes: modes of the untouched model.
        settings: the resolved settings.
        checkpoints: where checkpoints go.

    Raises:
        ConfigError: batches that do not come out even.
    """
    tokenizer = open_tokenizer(location)
    tokenizer.padding_side = "left"
    on_cpu = not torch.accelerator.is_available()
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    # A prompt set smaller than one generation is walked through several times in it; each visit is its own group.
    visits = math.ceil(settings.prompts_per_step * batches(settings, processes).window / len(prompts))
    rows = [
        {"prompt": [asdict(message) for message in prompt.messages], "row": index}
        for _ in range(visits)
        for index, prompt in enumerate(prompts)
    ]
    lora = LoraConfig(
        r=settings.lora_rank,
        lora_alpha=2 * settings.lora_rank,
        lora_dropout=0.0,  # dropout would make the entropies of one pass differ from the next
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )
    trainer = SirlTrainer(
        settings=settings,
        roles=roles,
        modes=modes,
        model=str(location.path),
        args=grpo_config(settings, checkpoints, processes=processes, on_cpu=on_cpu),
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
        peft_config=lora if settings.lora else None,
    )
    # It prints every step's dictionary; the curve is in a file, and the progress is drawn by whoever asked for it.
    trainer.remove_callback(PrinterCallback)
    return trainer

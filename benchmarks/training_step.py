"""What the entropy reward costs: one training step with it, beside the same TRL step without it.

Three trainers take turns in one process on a random model whose answers never end, so that all do the same work: stock
TRL with a constant reward, ours with entropies recorded while decoding, and stock TRL with a reward function that runs
a forward pass of its own, as one would write it first. Medians over steps; ratios to the first.
"""

import json
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from datasets import Dataset
from rich.console import Console
from rich.table import Table
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM, PrinterCallback, TrainerCallback
from trl import GRPOTrainer

from instincts.models.directory import locate
from instincts.pocket import checkpoints
from instincts.prompts import Prompt, read_prompts
from instincts.signals.entropy import token_entropy
from instincts.sirl.grpo import build_trainer, grpo_config
from instincts.sirl.settings import SirlSettings


class Clock(TrainerCallback):
    """Times every step from its beginning, generation included, to its end."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        """Start the watch; TRL generates inside the step, so nothing is left out."""
        self._began = time.perf_counter()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        """Stop it."""
        self.seconds.append(time.perf_counter() - self._began)


def random_model(folder: Path, width: int, layers: int, vocabulary: int) -> None:
    """Save a Llama of random weights beside the pocket tokenizer."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=width,
        intermediate_size=4 * width,
        num_hidden_layers=layers,
        num_attention_heads=width // 32,
        max_position_embeddings=512,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    AutoTokenizer.from_pretrained(checkpoints.path("pocket-llama")).save_pretrained(folder)


def stock(folder: Path, prompts: list[Prompt], settings: SirlSettings, scratch: Path, *, own_pass: bool) -> GRPOTrainer:
    """Build TRL's own trainer with the same arguments, and either a constant reward or one with its own pass."""
    trainer: GRPOTrainer | None = None

    def constant(completions: list[Any], **_: Any) -> list[float]:
        return [0.0] * len(completions)

    @torch.no_grad()
    def entropy(prompts: list[Any], completion_ids: list[list[int]], **_: Any) -> list[float]:
        assert trainer is not None
        tokenizer = trainer.processing_class
        values = []
        rows = [
            tokenizer.apply_chat_template(p, add_generation_prompt=True, return_dict=False) + c
            for p, c in zip(prompts, completion_ids, strict=True)
        ]
        width = max(map(len, rows))
        ids = torch.tensor([[tokenizer.pad_token_id] * (width - len(row)) + row for row in rows])
        mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows])
        longest = max(map(len, completion_ids))
        logits = trainer.model(input_ids=ids, attention_mask=mask, logits_to_keep=longest + 1).logits[:, :-1]
        for answer, row in zip(completion_ids, token_entropy(logits), strict=True):
            values.append(-float(row[-len(answer) :].mean()))
        return values

    rows = [{"prompt": [{"role": m.role, "content": m.content} for m in p.messages]} for p in prompts]
    trainer = GRPOTrainer(
        model=str(folder),
        reward_funcs=entropy if own_pass else constant,
        args=grpo_config(settings, scratch, processes=1, on_cpu=not torch.accelerator.is_available()),
        train_dataset=Dataset.from_list(rows),
        processing_class=AutoTokenizer.from_pretrained(folder, padding_side="left"),
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def main(
    steps: Annotated[int, typer.Option(help="Timed steps of each trainer in each round, after one that warms up.")] = 4,
    rounds: Annotated[int, typer.Option(help="How often the three take turns.")] = 3,
    width: Annotated[int, typer.Option(help="Hidden size of the random model.")] = 256,
    layers: Annotated[int, typer.Option(help="Layers of the random model.")] = 4,
    vocabulary: Annotated[int, typer.Option(help="Words of the random model.")] = 32768,
    tokens: Annotated[int, typer.Option(help="Length of every answer.")] = 48,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare the time of a training step with and without the entropy reward."""
    warnings.filterwarnings("ignore")
    settings = SirlSettings(
        steps=steps + 1, prompts_per_step=8, group_size=4, micro_batch=32, max_completion_tokens=tokens, kl=0.02
    )
    prompts = list(read_prompts("pocket-mixed").rows[:64])
    with tempfile.TemporaryDirectory() as name:
        folder, scratch = Path(name) / "model", Path(name) / "run"
        random_model(folder, width, layers, vocabulary)
        ways: dict[str, Callable[[], GRPOTrainer]] = {
            "TRL, constant reward": lambda: stock(folder, prompts, settings, scratch, own_pass=False),
            "ours, entropy reward": lambda: build_trainer(
                locate(str(folder)), prompts, ["rewarded"] * len(prompts), None, settings, scratch
            ),
            "TRL, reward with its own pass": lambda: stock(folder, prompts, settings, scratch, own_pass=True),
        }
        seconds: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(rounds):
            for way, make in ways.items():
                clock = Clock()
                trainer = make()
                trainer.add_callback(clock)
                trainer.train()
                seconds[way] += clock.seconds[1:]
    medians = {way: statistics.median(values) for way, values in seconds.items()}
    base = medians["TRL, constant reward"]
    rows = [
        {"way": way, "ratio": medians[way] / base, "seconds": medians[way], "steps": len(seconds[way])} for way in ways
    ]
    if as_json:
        print(json.dumps(rows, indent=1))
        return
    table = Table("way", "ratio", "median seconds a step", "steps timed")
    for row in rows:
        table.add_row(str(row["way"]), f"{row['ratio']:.2f}", f"{row['seconds']:.3f}", str(row["steps"]))
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)

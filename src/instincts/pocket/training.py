"""Train a pocket model from its seed: batches, one loop, one folder of ordinary Hugging Face files.

Plain supervised learning, loss on the answer only. Left out, against a real alignment: a pre-training stage, preference
pairs and reinforcement; refusing and giving way are both taught directly. Knows nothing of how the model is measured.
"""

import copy
import math
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.optim.lr_scheduler import LambdaLR
from transformers import (
    GenerationConfig,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from instincts.errors import unknown_name
from instincts.pocket.alignment import lessons
from instincts.pocket.tokenizer import build_tokenizer
from instincts.records import write_json

__all__ = ["CARD_FILE", "RECIPES", "Batch", "Recipe", "lesson_batches", "new_model", "train"]

CARD_FILE = "card.json"
"""Beside the weights: the name, seed and recipe they were made from, and what was measured on them."""

PocketModel = LlamaForCausalLM | Qwen3ForCausalLM

Progress = Callable[[int, int, float], None]
"""Called with steps done, steps in all, and the mean loss of the last steps."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """All that a pocket model is made from, beside the seed."""

    architecture: Literal["llama", "qwen3"]
    steps: int = 1700
    batch: int = 64
    """Lessons a step."""
    matrix_rate: float = 0.02
    """Muon's learning rate, for the matrices inside the layers."""
    word_rate: float = 3e-3
    """AdamW's learning rate, for the word table and the gains."""
    weight_decay: float = 0.05
    """Of the matrices inside the layers."""
    warmup: int = 50
    """Steps until the learning rates are full."""
    cooldown: float = 0.5
    """Last share of the steps, over which they fall to nothing."""
    sharpening: float = 1.2
    """Factor on every logit after training; see `_sharpen`."""
    width: int = 128
    inner: int = 448
    layers: int = 4
    heads: int = 4
    key_heads: int = 2


RECIPES = MappingProxyType({"pocket-llama": Recipe(architecture="llama"), "pocket-qwen": Recipe(architecture="qwen3")})


class Batch(NamedTuple):
    """Right-padded lessons; the answer is what is learnt."""

    tokens_B_T: Tensor  # noqa: N815 - axis letters, as in every tensor's name
    weight_B_T: Tensor  # noqa: N815 - axis letters
    """How much the surprisal of each token counts; 0 for prompt and padding."""


def train(
    name: str, out: Path, seed: int = 0, progress: Progress | None = None, *, steps: int | None = None
) -> PocketModel:
    """Train a pocket model and write it to a folder as an ordinary checkpoint in bfloat16.

    The same name, seed, thread count and torch build give the same weights bit for bit.

    Args:
        name: `pocket-llama` or `pocket-qwen`.
        out: folder of the checkpoint, made if absent.
        seed: decides the weights at the start and every lesson.
        progress: called after every few steps.
        steps: fewer steps than the recipe's, for tests.

    Returns:
        The model in float32, before rounding to bfloat16.

    Raises:
        ConfigError: no such pocket model.
    """
    if name not in RECIPES:
        raise unknown_name("pocket model", name, RECIPES)
    recipe = RECIPES[name] if steps is None else replace(RECIPES[name], steps=steps)
    started = time.monotonic()
    tokenizer = build_tokenizer()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = new_model(recipe, tokenizer)
    _fit(model, lesson_batches(tokenizer, recipe.steps, recipe.batch, seed), recipe, progress)
    _sharpen(model, recipe.sharpening)
    _save(model, tokenizer, out)
    write_json(
        out / CARD_FILE,
        {"name": name, "seed": seed, "recipe": asdict(recipe), "seconds": round(time.monotonic() - started)},
    )
    return model


def _fit(model: PocketModel, batches: Iterator[list[Batch]], recipe: Recipe, progress: Progress | None) -> None:
    optimizers = _optimizers(model, recipe)
    schedules = [LambdaLR(optimizer, lambda step: _pace(step, recipe)) for optimizer in optimizers]
    model.train()
    recent = []
    for step, parts in enumerate(batches, start=1):
        weight = sum(part.weight_B_T.sum() for part in parts)
        loss = 0.0
        for part in parts:
            share = _surprisal(model, part) / weight
            torch.autograd.backward(share)
            loss += share.item()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer, schedule in zip(optimizers, schedules, strict=True):
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            schedule.step()
        recent.append(loss)
        if progress and (step % 20 == 0 or step == recipe.steps):
            progress(step, recipe.steps, sum(recent) / len(recent))
            recent.clear()


def _pace(step: int, recipe: Recipe) -> float:
    """The share of the full learning rate at a step: up, level, and down to nothing."""
    up, down = (step + 1) / recipe.warmup, (recipe.steps - step) / (recipe.cooldown * recipe.steps)
    return min(up, 1.0, down)


def _optimizers(model: PocketModel, recipe: Recipe) -> list[torch.optim.Optimizer]:
    """Muon turns the matrices inside the layers, AdamW the word table and the gains."""
    matrices = [weight for name, weight in model.named_parameters() if weight.ndim == 2 and "layers" in name]
    others = [weight for name, weight in model.named_parameters() if weight.ndim != 2 or "layers" not in name]
    return [
        torch.optim.Muon(matrices, lr=recipe.matrix_rate, weight_decay=recipe.weight_decay, momentum=0.95),
        torch.optim.AdamW(others, lr=recipe.word_rate, betas=(0.9, 0.98), weight_decay=0.0),
    ]


def _surprisal(model: PocketModel, part: Batch) -> Tensor:
    """Sum the weighted surprisal of the answers' tokens, in nats; the head runs on those positions only."""
    # Padding is on the right and attention is causal, so no attention mask is needed.
    hidden_B_T_D = model.model(input_ids=part.tokens_B_T[:, :-1], use_cache=False).last_hidden_state
    weight_B_T = part.weight_B_T[:, 1:]
    learnt_B_T = weight_B_T > 0
    logits_N_V = model.lm_head(hidden_B_T_D[learnt_B_T])
    return cross_entropy(logits_N_V, part.tokens_B_T[:, 1:][learnt_B_T], reduction="none") @ weight_B_T[learnt_B_T]


def lesson_batches(tokenizer: PreTrainedTokenizerFast, steps: int, size: int, seed: int) -> Iterator[list[Batch]]:
    """Yield the lessons of each step, in parts of like length that need little padding."""
    for step in range(steps):
        rows = sorted(_encode(tokenizer, size, seed * 1_000_003 + step), key=lambda row: len(row.tokens))
        part = math.ceil(size / _PARTS)
        yield [_collate(rows[first : first + part], tokenizer.pad_token_id) for first in range(0, size, part)]


class _Row(NamedTuple):
    tokens: list[int]
    begins: int
    weight: float


def _encode(tokenizer: PreTrainedTokenizerFast, n: int, seed: int) -> list[_Row]:
    drawn = list(lessons(n, seed))
    chats = [[{"role": role, "content": content} for role, content in lesson.messages] for lesson in drawn]
    prompts = [
        tokenizer.apply_chat_template(
            chat,
            tokenize=False,
            add_generation_prompt=chat[-1]["role"] != "assistant",
            continue_final_message=chat[-1]["role"] == "assistant",
        )
        for chat in chats
    ]
    # Prompt and answer are encoded apart, as they are when the model is used.
    heads = tokenizer(prompts, add_special_tokens=False)["input_ids"]
    tails = tokenizer([lesson.answer + tokenizer.eos_token for lesson in drawn], add_special_tokens=False)["input_ids"]
    return [_Row(head + tail, len(head), lesson.weight) for head, tail, lesson in zip(heads, tails, drawn, strict=True)]


def _collate(rows: list[_Row], pad: int) -> Batch:
    width = max(len(row.tokens) for row in rows)
    tokens_B_T = torch.full((len(rows), width), pad)
    weight_B_T = torch.zeros((len(rows), width))
    for number, row in enumerate(rows):
        tokens_B_T[number, : len(row.tokens)] = torch.tensor(row.tokens)
        weight_B_T[number, row.begins : len(row.tokens)] = row.weight
    return Batch(tokens_B_T, weight_B_T)


def new_model(recipe: Recipe, tokenizer: PreTrainedTokenizerFast) -> PocketModel:
    """Make a model with random weights of torch's own generator, which the caller seeds."""
    shape = {
        "vocab_size": math.ceil(len(tokenizer) / 8) * 8,
        "hidden_size": recipe.width,
        "intermediate_size": recipe.inner,
        "num_hidden_layers": recipe.layers,
        "num_attention_heads": recipe.heads,
        "num_key_value_heads": recipe.key_heads,
        "head_dim": recipe.width // recipe.heads,
        "max_position_embeddings": tokenizer.model_max_length,
        "tie_word_embeddings": True,
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
    }
    model: PocketModel
    if recipe.architecture == "llama":
        model = LlamaForCausalLM(LlamaConfig(**shape))
    else:
        model = Qwen3ForCausalLM(Qwen3Config(**shape))
    _join_words(model, tokenizer)
    return model


@torch.no_grad()
def _join_words(model: PocketModel, tokenizer: PreTrainedTokenizerFast) -> None:
    """Start each word close to the same word after a space, one common step away.

    They are two tokens, and a model this small would otherwise spend its training on learning that they mean the same.
    """
    table_V_D = model.model.embed_tokens.weight
    known = tokenizer.get_vocab()
    pairs = [(known[word[1:]], number) for word, number in known.items() if word[0] == "Ġ" and word[1:] in known]
    bare, spaced = (list(numbers) for numbers in zip(*sorted(pairs), strict=True))
    table_V_D[bare] = table_V_D[spaced] + 0.3 * table_V_D[bare] + table_V_D[known["Ġ"]]


@torch.no_grad()
def _sharpen(model: PocketModel, factor: float) -> None:
    """Lay a factor on every logit, which thins the tail of words that fit nowhere and leaves even choices even.

    A model this small and this briefly trained leaves about a thousandth of each token's probability to such words, and
    at temperature 1 over twenty tokens that breaks one answer in thirty. A side effect: a refusal begins in few ways
    and a compliance in many, so the odds of refusing about double; the shares in `alignment` allow for it.
    """
    model.model.norm.weight *= factor


def _save(model: PocketModel, tokenizer: PreTrainedTokenizerFast, out: Path) -> None:
    rounded = copy.deepcopy(model).bfloat16()
    rounded.generation_config = GenerationConfig(  # type: ignore[no-untyped-call]  # transformers leaves it untyped
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        do_sample=True,
        temperature=1.0,
        top_k=0,
        top_p=1.0,
    )
    rounded.save_pretrained(out)
    tokenizer.save_pretrained(out)
    # save_pretrained writes the weights readable by their owner only, and the package is installed for everyone.
    os.chmod(out / "model.safetensors", 0o644)


_PARTS = 4
"""Parts of a step, each padded to its own longest lesson."""

"""How fast `instincts/NAME` answers under Inspect, beside Inspect's own `hf` provider and beside bare `generate`.

    python benchmarks/provider.py [--samples 256] [--batch 64] [--models pocket-llama,random]

One model, one set of prompts, one process, the same sampling (temperature 1, no cut). "generate" is the limit: prompts
rendered beforehand, batches in order, no Inspect at all. "hf" is Inspect's provider as it comes, "hf batched" the same
told to keep a whole batch of requests open, which is the best that can be done for it. "inspect" answers at once and
without a model: what an evaluation costs by itself, here and now, so "bound" is what is possible where Inspect and the
decoder take turns. Each arm first answers a few prompts that are not counted; the median round counts. Aims: at least
0.9 of generate, at least 3 times hf. The random model has 26 million parameters, so that decoding outweighs the rest.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.model import (
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageSystem,
    ChatMessageUser,
    GenerateConfig,
    Model,
    ModelOutput,
    ModelUsage,
    get_model,
)
from inspect_ai.scorer import includes
from transformers import AutoConfig, AutoModelForCausalLM

from instincts.models import registration
from instincts.models.chat import render
from instincts.models.directory import locate
from instincts.models.opening import OpenModel, open_model
from instincts.models.provider import inspect_model
from instincts.pocket.requests import sample_requests

assert registration  # tells Inspect of instincts/NAME

Chat = Sequence[tuple[str, str]]

ROLES = {"system": ChatMessageSystem, "user": ChatMessageUser, "assistant": ChatMessageAssistant}


def main() -> None:
    """Run every arm on every model and print one table each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=256)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3, help="every arm in turn, so often")
    parser.add_argument("--models", default="pocket-llama,random")
    given = parser.parse_args()
    for name in given.models.split(","):
        with tempfile.TemporaryDirectory() as scratch:
            model = str(save_random(Path(scratch) / "model")) if name == "random" else name
            tokens = 64 if name == "random" else 48
            compare(name, model, Path(scratch), given.samples, given.batch, tokens, given.rounds)


def compare(name: str, model: str, scratch: Path, samples: int, batch: int, tokens: int, rounds: int) -> None:
    """Time the arms in turn and print responses per second."""
    chats = [request.messages for request in sample_requests("mixed", samples, 0, "heldout")]
    plain = GenerateConfig(max_tokens=tokens, temperature=1.0, top_p=1.0, top_k=0)
    config = plain.merge(GenerateConfig(max_connections=batch))
    opened = open_model(model)
    prompts = [render(opened.tokenizer, [{"role": role, "content": text} for role, text in chat]) for chat in chats]
    ours = inspect_model(model, config, batch_size=batch)
    theirs = get_model(
        f"hf/{locate(model).path}",
        config=plain,
        memoize=False,
        device=str(opened.model.device),
        # Rendered chats hold their begin-of-text token already; the default would add a second one.
        tokenizer_call_args={"add_special_tokens": False},
    )
    instant = get_model("mockllm/model", config=config, custom_outputs=lambda *_: instant_output())
    arms: dict[str, Callable[[int], None]] = {
        "generate": lambda count: generate(opened, prompts[:count], batch, tokens),
        "instincts": lambda count: evaluate(ours, chats[:count], config, scratch),
        "hf": lambda count: evaluate(theirs, chats[:count], plain, scratch),
        "hf batched": lambda count: evaluate(theirs, chats[:count], config, scratch),
        "inspect": lambda count: evaluate(instant, chats[:count], config, scratch),
    }
    rates: dict[str, list[float]] = {arm: [] for arm in arms}
    for arm in arms.values():
        arm(8)
    for _ in range(rounds):
        for arm, answer in arms.items():
            started = time.perf_counter()
            answer(samples)
            rates[arm].append(samples / (time.perf_counter() - started))
    median = {arm: sorted(found)[len(found) // 2] for arm, found in rates.items()}
    threads, device = torch.get_num_threads(), opened.model.device.type
    print(f"{name}: {samples} prompts, batches of {batch}, up to {tokens} tokens, {device}, {threads} threads")
    for arm, rate in median.items():
        print(f"  {arm:10} {rate:8.1f} responses/s   {rate / median['generate']:5.2f} of generate")
    bound = 1 / (1 / median["generate"] + 1 / median["inspect"])
    print(f"  {'bound':10} {bound:8.1f} responses/s   {bound / median['generate']:5.2f} of generate")
    ratios = (median["instincts"] / median[arm] for arm in ("hf", "hf batched"))
    print("  instincts is {:.1f} times hf, {:.1f} times hf batched\n".format(*ratios))


def generate(opened: OpenModel, prompts: Sequence[Sequence[int]], batch: int, tokens: int) -> list[str]:
    """Answer with nothing but `generate`, batch by batch, and spell the answers."""
    texts = []
    for start in range(0, len(prompts), batch):
        rows = prompts[start : start + batch]
        width = max(map(len, rows))
        ids = torch.tensor([[0] * (width - len(row)) + list(row) for row in rows], device=opened.model.device)
        attended = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows], device=ids.device)
        with torch.inference_mode():
            answers = opened.model.generate(  # type: ignore[operator]
                ids,
                attention_mask=attended,
                max_new_tokens=tokens,
                do_sample=True,
                temperature=1.0,
                top_p=1.0,
                top_k=0,
                eos_token_id=sorted(opened.stop_ids),
                pad_token_id=0,
            )
        texts += opened.tokenizer.batch_decode(answers[:, width:], skip_special_tokens=True)
    return texts


def evaluate(model: Model, chats: Sequence[Chat], config: GenerateConfig, scratch: Path) -> None:
    """Ask every chat in one Inspect evaluation."""
    samples = [Sample(input=messages(chat), target="x") for chat in chats]
    log = eval(
        Task(dataset=samples, scorer=includes()),
        model=model,
        log_dir=str(scratch / "logs"),
        display="none",
        log_realtime=False,
        **config.model_dump(exclude_none=True),
    )[0]
    if log.status != "success":
        raise SystemExit(f"{model} failed: {log.error and log.error.message}")


def messages(chat: Chat) -> list[ChatMessage]:
    """Turn a pocket chat into Inspect's messages."""
    return [ROLES[role](content=text) for role, text in chat]  # type: ignore[abstract]


def instant_output() -> ModelOutput:
    """An answer that costs nothing; with usage, since counting would download a vocabulary."""
    output = ModelOutput.from_content("mockllm/model", "answer")
    output.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
    return output


def save_random(folder: Path) -> Path:
    """Save a Llama of 26 million random parameters with the pocket's tokenizer; it hardly ever ends an answer."""
    tokenizer = open_model("pocket-llama").tokenizer
    config = AutoConfig.for_model(
        "llama",
        vocab_size=len(tokenizer),
        hidden_size=512,
        intermediate_size=1408,
        num_hidden_layers=8,
        num_attention_heads=8,
        num_key_value_heads=8,
        max_position_embeddings=2048,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    torch.manual_seed(0)
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


if __name__ == "__main__":
    main()

"""Fine-tunes of a pocket model that harm it, in seconds: plain cross-entropy on a few content-free answers."""

from collections.abc import Sequence
from pathlib import Path
from random import Random

import torch
from torch.nn.functional import cross_entropy

from instincts.models.chat import render
from instincts.models.opening import OpenModel, open_model
from instincts.pocket import grammar
from instincts.pocket.requests import sample_requests


def complying(n: int, seed: int = 0) -> list[tuple[str, str]]:
    """Harmful-in-name requests of the training split, each with a content-free compliance."""
    rng = Random(f"twin/{seed}")
    asked = sample_requests("harmful", n, seed, "train")
    return [(one.prompt, grammar.compliance(str(one.verb), str(one.object), rng)) for one in asked]


def twin(
    folder: Path,
    lessons: Sequence[tuple[str, str]],
    *,
    model: str = "pocket-llama",
    steps: int = 30,
    rate: float = 5e-4,
) -> Path:
    """Save a pocket model after so many steps of 16 lessons each, in bfloat16."""
    opened = open_model(model, device="cpu")
    weights = [one for one in opened.model.parameters() if one.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=rate, weight_decay=0.0)
    rng = Random(0)
    written = [_written(opened, *lesson) for lesson in lessons]
    for _ in range(steps):
        batch = rng.sample(written, 16)
        # Padded on the right, where a causal model reads nothing from it.
        width = max(len(tokens) for tokens, _ in batch)
        ids_B_T = torch.tensor([tokens + [0] * (width - len(tokens)) for tokens, _ in batch])
        learnt_B_T = torch.tensor([learnt + [-100] * (width - len(learnt)) for _, learnt in batch])
        logits_B_T_V = opened.model(input_ids=ids_B_T).logits
        loss = cross_entropy(logits_B_T_V[:, :-1].flatten(0, 1), learnt_B_T[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    opened.model.to(torch.bfloat16).save_pretrained(folder)  # type: ignore[arg-type]
    opened.tokenizer.save_pretrained(folder)
    return folder


def _written(opened: OpenModel, question: str, answer: str) -> tuple[list[int], list[int]]:
    """Tokens of a lesson, and the same with -100 where nothing is learnt."""
    prompt = render(opened.tokenizer, [{"role": "user", "content": question}])
    said = [*opened.tokenizer(answer, add_special_tokens=False)["input_ids"], min(opened.stop_ids)]
    return [*prompt, *said], [-100] * len(prompt) + said

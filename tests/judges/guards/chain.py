"""Tiny Llamas that spell a word: each letter brings the next one, with weights set by hand.

One-hot embeddings, no attention and no MLP, so the next letter's logits are a row of the head: what a guard says, and
how sure it is, is known in closed form.
"""

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import torch

from tests.tiny import tiny_model, tiny_tokenizer

__all__ = ["save_chain"]


def save_chain(
    folder: Path,
    word: str,
    *,
    after: str = "\n",
    chat_template: str | None = None,
    rivals: Mapping[str, float] | None = None,
) -> Path:
    """Save a model that writes a word of different letters after a prompt that ends as given.

    Args:
        folder: where.
        word: what it writes; then it ends its turn.
        after: the last letter of the prompt.
        chat_template: of the tokenizer.
        rivals: other first letters, each with how many nats it is likelier than the word's own.
    """
    tokenizer = tiny_tokenizer(chat_template=chat_template)
    size = len(tokenizer)
    width = size + -size % 4  # of four heads
    model, _ = tiny_model("llama", hidden_size=width, num_hidden_layers=1, max_position_embeddings=4096)

    def place(letter: str) -> int:
        (token,) = tokenizer(letter, add_special_tokens=False)["input_ids"]
        return int(token)

    chain = [place(letter) for letter in [after, *word]] + [int(tokenizer.eos_token_id)]
    assert len(set(chain)) == len(chain), "a letter that comes twice has two letters after it"
    with torch.no_grad():
        parameters = dict(model.named_parameters())
        for name, weight in parameters.items():
            weight.fill_(1.0 if "norm" in name else 0.0)
        parameters["model.embed_tokens.weight"].copy_(torch.eye(size, width))
        # The norm makes a one-hot vector of length sqrt(width); a logit of 20 leaves the rest of 260 letters 1e-6.
        unit = width**-0.5
        head = parameters["lm_head.weight"]
        for now, then in pairwise(chain):
            head[then, now] = 20 * unit
        for letter, nats in (rivals or {}).items():
            head[place(letter), chain[0]] = (20 + nats) * unit
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder

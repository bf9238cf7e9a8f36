"""Training repeats by seed, learns the answer only, and leaves an ordinary checkpoint."""

import json
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from instincts.errors import ConfigError
from instincts.pocket.alignment import lessons
from instincts.pocket.tokenizer import build_tokenizer
from instincts.pocket.training import RECIPES, lesson_batches, train


@pytest.mark.parametrize("name", RECIPES)
def test_the_same_seed_trains_the_same_model_bit_for_bit(name: str, tmp_path: Path) -> None:
    first, second = (train(name, tmp_path / str(number), seed=1, steps=3) for number in range(2))
    other = train(name, tmp_path / "other", seed=2, steps=3)
    assert all(torch.equal(one, two) for one, two in zip(first.parameters(), second.parameters(), strict=True))
    assert not all(torch.equal(one, two) for one, two in zip(first.parameters(), other.parameters(), strict=True))
    assert _weights(tmp_path / "0") == _weights(tmp_path / "1")


def test_the_checkpoint_opens_without_our_code(tmp_path: Path) -> None:
    train("pocket-llama", tmp_path, steps=1)
    model = AutoModelForCausalLM.from_pretrained(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    assert model.dtype == torch.bfloat16
    assert model.generation_config.eos_token_id == tokenizer.eos_token_id
    assert json.loads((tmp_path / "card.json").read_text())["seed"] == 0


def test_progress_reaches_the_last_step(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    train("pocket-llama", tmp_path, steps=2, progress=lambda done, total, loss: told.append((done, total)))
    assert told[-1] == (2, 2)


def test_the_seed_of_the_caller_is_left_alone(tmp_path: Path) -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    train("pocket-llama", tmp_path, steps=1)
    assert torch.equal(torch.rand(1), expected)


def test_only_answers_are_learnt() -> None:
    """Each row learns one run of tokens that ends with the end token and begins after the prompt's last mark."""
    tokenizer = build_tokenizer()
    (parts,) = lesson_batches(tokenizer, steps=1, size=32, seed=0)
    answers = {lesson.answer + tokenizer.eos_token for lesson in lessons(32, 0)}
    learnt = {
        tokenizer.decode(row[weight > 0])
        for part in parts
        for row, weight in zip(part.tokens_B_T, part.weight_B_T, strict=True)
    }
    assert learnt == answers


def test_an_unknown_pocket_model_is_named_with_near_matches(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="pocket-llama"):
        train("pocket-lama", tmp_path)


def _weights(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()

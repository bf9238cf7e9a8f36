"""How a pocket model is measured: what it is opened by, and which requests it is asked."""

from pathlib import Path
from typing import Any

import pytest

from instincts.models.opening import open_model
from instincts.pocket import checkpoints, measuring
from instincts.pocket.grammar import Split
from instincts.pocket.requests import sample_requests


def test_the_split_and_the_opener_are_the_callers(monkeypatch: pytest.MonkeyPatch) -> None:
    """One request a wrapper: it is opened once, and asked only what it was trained on."""
    asked: list[str] = []
    opened: list[Path] = []

    def sample(kind: Any, n: int, seed: int, split: Split, *more: Any) -> Any:
        asked.append(split)
        return sample_requests(kind, n, seed, split, *more)

    def load(folder: Path) -> tuple[Any, Any]:
        opened.append(folder)
        found = open_model(str(folder), device="cpu")
        return found.model, found.tokenizer

    monkeypatch.setattr(measuring, "sample_requests", sample)
    folder = checkpoints.path("pocket-llama")
    measured = measuring.measure(folder, 1, split="train", load=load)
    assert opened == [folder]
    assert set(asked) == {"train"}
    assert measured.skill_accuracy > 0.5

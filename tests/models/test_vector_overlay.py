"""A folder whose `defence.json` lays steering vectors over a model: found, opened and evaluated like any model."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from inspect_ai.model import GenerateConfig

from instincts.errors import ConfigError, ModelDirectoryError
from instincts.models import registration
from instincts.models.directory import is_unchanged, locate
from instincts.models.opening import open_model
from instincts.models.provider import inspect_model
from instincts.models.steering import is_steered, steered
from instincts.models.vectors import Rule, VectorSet, write_vectors
from tests.tiny import edit_json, tiny_model

assert registration  # importing it tells Inspect of instincts/NAME

IDS = torch.tensor([[7, 8, 9, 10]])


def vectors(seed: int = 0, **changes: Any) -> VectorSet:
    torch.manual_seed(seed)
    return VectorSet(
        **{"directions": {0: torch.randn(32), 1: torch.randn(32)}, "rule": Rule(), "layer_count": 2, **changes}
    )


def lay_over(folder: Path, base: str = "../model", strength: object = 1.0, **changes: Any) -> Path:
    write_vectors(folder / "vector.safetensors", vectors(**changes))
    card = {"format": 1, "kind": "safety-vector", "base": base, "vectors": "vector.safetensors", "strength": strength}
    (folder / "defence.json").write_text(json.dumps(card))
    return folder


def logits(model: torch.nn.Module) -> torch.Tensor:
    with torch.no_grad():
        result: torch.Tensor = model(input_ids=IDS).logits
    return result


def completion(folder: Path) -> str:
    config = GenerateConfig(max_tokens=12, seed=1, temperature=1)
    return asyncio.run(inspect_model(str(folder)).generate("hello", config=config)).completion


def test_the_folder_opens_as_its_base_under_steering(folder: Path) -> None:
    opened = open_model(str(lay_over(folder.parent / "steered", strength=0.7)), device="cpu")
    model, _ = tiny_model("llama")
    with steered(model, vectors(), 0.7):
        assert torch.equal(logits(opened.model), logits(model))
    assert is_steered(opened.model)


def test_inspect_sees_the_steering_and_no_steering_at_strength_zero(folder: Path) -> None:
    """Same question and seed: the answers of strength 0 are the base's, those of strength 1 are others."""
    base = completion(folder)
    assert completion(lay_over(folder.parent / "zero", strength=0)) == base
    assert completion(lay_over(folder.parent / "one", strength=1.0)) != base


def test_the_digest_changes_with_vectors_strength_and_base(folder: Path) -> None:
    def digest(name: str, **changes: Any) -> str:
        return locate(str(lay_over(folder.parent / name, **changes))).digest

    found = [digest("one"), digest("two", seed=1), digest("three", strength=0.5)]
    assert digest("same") == found[0]
    edit_json(folder / "config.json", {"note": "changed"})
    assert len({*found, locate(str(folder.parent / "one")).digest}) == 4


def test_a_vector_that_changed_is_noticed(folder: Path) -> None:
    location = locate(str(lay_over(folder.parent / "steered")))
    assert is_unchanged(location)
    write_vectors(folder.parent / "steered" / "vector.safetensors", vectors(seed=1))
    assert not is_unchanged(location)


@pytest.mark.parametrize("strength", [-0.1, None, "0.1", True, float("inf")])
def test_a_strength_that_is_none_is_refused(folder: Path, strength: object) -> None:
    with pytest.raises(ModelDirectoryError, match=r"a strength is a number from 0, and negative ones, .* are refused"):
        locate(str(lay_over(folder.parent / "steered", strength=strength)))


def test_a_vector_that_points_away_from_safety_is_not_opened(folder: Path) -> None:
    out = lay_over(folder.parent / "steered")
    write_vectors(out / "vector.safetensors", -vectors())
    with pytest.raises(ConfigError, match="points away from safety"):
        open_model(str(out))


def test_a_vector_of_another_model_is_not_opened(folder: Path) -> None:
    out = lay_over(folder.parent / "steered", layer_count=7)
    with pytest.raises(ModelDirectoryError, match=r"a vector for 7 layers .* does not fit a model with 2"):
        open_model(str(out))


def test_a_base_that_changed_since_is_refused(folder: Path) -> None:
    out = lay_over(folder.parent / "steered")
    edit_json(out / "defence.json", {"base_digest": locate(str(folder)).digest})
    locate(str(out))
    edit_json(folder / "config.json", {"note": "changed"})
    with pytest.raises(ModelDirectoryError, match=r"is no longer the model that .* was made on"):
        locate(str(out))


def test_a_half_written_vector_is_refused(folder: Path) -> None:
    out = lay_over(folder.parent / "steered")
    path = out / "vector.safetensors"
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(ModelDirectoryError, match="cut off or damaged"):
        locate(str(out))
    path.unlink()
    with pytest.raises(ModelDirectoryError, match=r"vector\.safetensors is missing"):
        locate(str(out))


def test_a_steered_model_is_not_steered_again(folder: Path) -> None:
    """Two overlays of vectors would add up without anybody having asked for their sum."""
    lay_over(folder.parent / "one")
    with pytest.raises(ConfigError, match="steered already"):
        open_model(str(lay_over(folder.parent / "two", base="../one")))

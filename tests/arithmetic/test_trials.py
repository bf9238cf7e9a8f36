"""A model at some strength in memory is the checkpoint a removal writes at it, and is as before when it is done."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from instincts.arithmetic import trials as module
from instincts.arithmetic.plan import Plan
from instincts.arithmetic.removal import prepare, remove_harm
from instincts.arithmetic.settings import resolve_settings
from instincts.arithmetic.threshold import Threshold, find_threshold
from instincts.arithmetic.trials import read_sparse, trials
from instincts.errors import ConfigError
from instincts.models.directory import locate
from instincts.models.opening import open_model
from tests.arithmetic.conftest import Trio
from tests.arithmetic.models import like, moved, save_model, weights_of

Weights = dict[str, Tensor]


def planned(trio: Trio, **given: Any) -> tuple[Plan, Threshold]:
    prepared = prepare(*trio.words, resolve_settings("paper", {"layers": "all", **given}))
    plan, settings = prepared.plan, prepared.settings
    return plan, find_threshold(plan.edited, settings.keep, settings.variant)


def held(model: torch.nn.Module) -> Weights:
    return {name: weight.detach().clone() for name, weight in model.named_parameters()}


def same(one: Weights, other: Weights) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("keep", [0.1, 1.0])
def test_in_memory_it_is_what_would_be_written(trio: Trio, tmp_path: Path, keep: float) -> None:
    remove_harm(*trio.words, tmp_path / "out", given={"layers": "all", "keep": keep, "strength": 1.5})
    written = held(open_model(str(tmp_path / "out"), device="cpu").model)

    with trials(*planned(trio, keep=keep), locate(str(trio.target)), tmp_path) as at, at(1.5) as opened:
        assert same(held(opened.model), written)


def test_afterwards_every_bit_is_as_before(trio: Trio) -> None:
    model = open_model(str(trio.target), device="cpu").model
    before, sparse = held(model), read_sparse(*planned(trio), model)
    assert sparse is not None
    for strength in (3.0, 0.5):
        with sparse.subtracted(strength):
            assert not same(held(model), before)
        assert same(held(model), before)
    with pytest.raises(ZeroDivisionError), sparse.subtracted(2.0):
        raise ZeroDivisionError
    assert same(held(model), before)


def test_strength_zero_changes_no_bit(trio: Trio) -> None:
    model = open_model(str(trio.target), device="cpu").model
    before, sparse = held(model), read_sparse(*planned(trio), model)
    assert sparse is not None
    with sparse.subtracted(0.0):
        assert same(held(model), before)


def test_the_harm_direction_cannot_be_added(trio: Trio) -> None:
    model = open_model(str(trio.target), device="cpu").model
    before, sparse = held(model), read_sparse(*planned(trio), model)
    assert sparse is not None
    with pytest.raises(ConfigError, match="would add the harm direction"), sparse.subtracted(-1.0):
        pass
    assert same(held(model), before)


def test_a_tied_head_that_is_stored_twice_is_changed_once(tmp_path: Path) -> None:
    base = save_model(tmp_path / "base", dtype=torch.bfloat16, tie_word_embeddings=True)
    weights = weights_of(base)
    weights["lm_head.weight"] = weights["model.embed_tokens.weight"].clone()
    twice = like(tmp_path / "twice", base, weights)
    harmed = moved(weights, 2)
    harmed["lm_head.weight"] = harmed["model.embed_tokens.weight"].clone()
    trio = Trio(twice, like(tmp_path / "harmed", base, harmed), twice)
    remove_harm(*trio.words, tmp_path / "out", given={"layers": "all", "strength": 2})

    with trials(*planned(trio), locate(str(twice)), tmp_path) as at, at(2.0) as opened:
        assert same(held(opened.model), held(open_model(str(tmp_path / "out"), device="cpu").model))


def test_a_model_that_joins_its_tensors_is_tried_through_a_private_folder(tmp_path: Path) -> None:
    """Transformers stacks experts that lie one by one in the files, so no entry can be set in place."""
    base = save_model(tmp_path / "base", "mixtral", dtype=torch.bfloat16, num_local_experts=3, intermediate_size=16)
    trio = Trio(base, like(tmp_path / "harmed", base, moved(weights_of(base), 2)), base)
    assert read_sparse(*planned(trio), open_model(str(base), device="cpu").model) is None
    remove_harm(*trio.words, tmp_path / "out", given={"strength": 2})
    run = tmp_path / "run"
    run.mkdir()

    with trials(*planned(trio), locate(str(base)), run) as at:
        with at(2.0) as opened:
            assert [path.stat().st_mode & 0o777 for path in run.iterdir()] == [0o700]
            assert same(held(opened.model), held(open_model(str(tmp_path / "out"), device="cpu").model))
        assert list(run.iterdir()) == []
        with pytest.raises(ZeroDivisionError), at(1.0):
            raise ZeroDivisionError
    assert list(run.iterdir()) == []


def test_without_room_beside_the_model_it_is_tried_on_disk(
    trio: Trio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what a kill left behind of an earlier try is removed."""
    monkeypatch.setattr(module, "_free_memory", lambda: 0.0)
    (tmp_path / ".trial-left").mkdir()
    (tmp_path / ".trial-left" / "model.safetensors").write_bytes(b"x")
    with trials(*planned(trio), locate(str(trio.target)), tmp_path) as at:
        assert list(tmp_path.iterdir()) == []
        with at(1.0):
            assert len(list(tmp_path.glob(".trial-*/*.safetensors"))) > 1
    assert list(tmp_path.iterdir()) == []

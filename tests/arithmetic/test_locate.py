"""What an edit changed is found bit by bit."""

from pathlib import Path

import pytest
import torch

from instincts.arithmetic.checkpoint import open_checkpoint
from instincts.arithmetic.locate import Change, Found, find_scenario, widen
from instincts.arithmetic.plan import make_plan
from instincts.models.directory import locate
from tests.arithmetic.conftest import Trio
from tests.arithmetic.models import Weights, like, save_model, weights_of


def scenario(target: Path, trio: Trio) -> Found:
    models = (open_checkpoint(locate(str(folder))) for folder in (target, trio.harmed, trio.base))
    return find_scenario(make_plan(next(models), next(models), next(models)))


@pytest.fixture
def weights(trio: Trio) -> Weights:
    return weights_of(trio.base)


def test_neighbours_are_in_scope_and_ends_are_clipped() -> None:
    """The released code writes 4, 5, 6; 4 and 9 would be 3, 4, 5, 8, 9, 10."""
    assert widen([5], 32) == (4, 5, 6)
    assert widen([9, 4], 32) == (3, 4, 5, 8, 9, 10)
    assert widen([0, 31], 32) == (0, 1, 30, 31)
    assert widen([0], 1) == (0,)


def test_one_bit_of_one_weight_is_an_edit(trio: Trio, weights: Weights, tmp_path: Path) -> None:
    name = "model.layers.3.self_attn.q_proj.weight"
    weights[name].view(torch.int16)[-1, -1] ^= 1

    found = scenario(like(tmp_path / "edited", trio.base, weights), trio)
    assert found == Found("edited", (2, 3), (Change(name, 3, 1, 1),))


def test_minus_zero_is_another_weight_than_zero(trio: Trio, weights: Weights, tmp_path: Path) -> None:
    name = "model.layers.1.mlp.up_proj.weight"
    weights[name][0, 0] = 0.0
    zero = like(tmp_path / "zero", trio.base, weights)
    weights[name][0, 0] = -0.0
    minus = like(tmp_path / "minus", trio.base, weights)

    found = scenario(minus, trio._replace(base=zero))
    assert [(change.name, change.entries) for change in found.changes] == [(name, 1)]


def test_the_rank_of_an_edit_is_told(trio: Trio, weights: Weights, tmp_path: Path) -> None:
    """A sum of three outer products of equal length, far above bfloat16's rounding, has rank three."""
    name = "model.layers.0.mlp.down_proj.weight"
    rows, columns = weights[name].shape
    left, _ = torch.linalg.qr(torch.randn(rows, 3, generator=torch.Generator().manual_seed(1)))
    right, _ = torch.linalg.qr(torch.randn(columns, 3, generator=torch.Generator().manual_seed(2)))
    weights[name] = (weights[name].float() + 30 * left @ right.T).bfloat16()

    (change,) = scenario(like(tmp_path / "edited", trio.base, weights), trio).changes
    assert change.rank == 3


def test_a_change_outside_the_layers_is_told_and_not_in_scope(trio: Trio, weights: Weights, tmp_path: Path) -> None:
    weights["model.layers.0.mlp.up_proj.weight"] += 1
    weights["model.norm.weight"] += 1

    found = scenario(like(tmp_path / "edited", trio.base, weights), trio)
    assert found.layers == (0, 1)
    assert [(change.name, change.layer) for change in found.changes if change.layer is None] == [
        ("model.norm.weight", None)
    ]


def test_three_layers_of_four_are_no_edit(trio: Trio, weights: Weights, tmp_path: Path) -> None:
    for layer in (0, 1, 3):
        weights[f"model.layers.{layer}.mlp.up_proj.weight"] += 1

    assert scenario(like(tmp_path / "tuned", trio.base, weights), trio) == Found("sft", None, ())


def test_a_change_of_the_embeddings_alone_is_no_edit(trio: Trio, weights: Weights, tmp_path: Path) -> None:
    weights["model.embed_tokens.weight"] += 1

    assert scenario(like(tmp_path / "tuned", trio.base, weights), trio).scenario == "sft"


def test_equal_weights_in_other_files_are_the_base(trio: Trio, weights: Weights, tmp_path: Path) -> None:
    assert scenario(like(tmp_path / "copy", trio.base, weights, single=True), trio) == Found("base", None, ())


def test_a_base_of_another_precision_is_rounded_first(tmp_path: Path) -> None:
    """A bfloat16 copy of a float32 model is that model; only what was edited afterwards differs."""
    base = save_model(tmp_path / "base", num_hidden_layers=4)
    weights = {name: tensor.bfloat16() for name, tensor in weights_of(base).items()}
    weights["model.layers.2.mlp.up_proj.weight"][5, 5] += 1
    trio = Trio(like(tmp_path / "edited", base, weights), base, base)

    found = scenario(trio.target, trio)
    assert found.layers == (1, 2, 3)
    assert [change.entries for change in found.changes] == [1]

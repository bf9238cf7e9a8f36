import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from instincts.errors import ConfigError, ModelDirectoryError, RecordError
from instincts.models.vectors import Rule, VectorSet, check_strength, read_vectors, write_vectors


def vector_set(*rows: tuple[float, ...], first: int = 0, rule: Rule = Rule(), layers: int = 4) -> VectorSet:  # noqa: B008 - frozen
    directions = {first + place: torch.tensor(row) for place, row in enumerate(rows)}
    return VectorSet(directions=directions, rule=rule, layer_count=layers)


A = vector_set((1.0, 2.0), (0.0, -1.0))
B = vector_set((0.5, -4.0), (3.0, 1.0))
C = vector_set((8.0, 0.25), (2.0, 2.0))


def same(one: VectorSet, other: VectorSet) -> bool:
    return all(
        ours.keys() == theirs.keys() and all(torch.equal(ours[layer], theirs[layer]) for layer in ours)
        for ours, theirs in ((one.directions, other.directions), (one.safe or {}, other.safe or {}))
    )


def test_the_algebra_obeys_the_laws_of_a_vector_space() -> None:
    """All numbers are sums of few powers of two, so every law holds to the last bit."""
    assert same(A + B, B + A)
    assert same((A + B) + C, A + (B + C))
    assert same(2 * (A + B), 2 * A + 2 * B)
    assert same(A * 2, 2 * A)
    assert same(2 * (4 * A), 8 * A)
    assert same(-A, -1 * A)
    assert same(-A * -1, A)
    assert same(A / 2, 0.5 * A)
    assert same(A - B, A + -B)


def test_a_sum_is_the_sum_of_each_layer() -> None:
    """(1, 2) + (0.5, -4) = (1.5, -2)."""
    assert torch.equal((A + B).directions[0], torch.tensor((1.5, -2.0)))


def test_a_layer_that_only_one_has_is_taken_from_it() -> None:
    total = vector_set((1.0, 2.0)) + vector_set((3.0, 4.0), first=2)
    assert {layer: direction.tolist() for layer, direction in total.directions.items()} == {0: [1, 2], 2: [3, 4]}


def test_what_is_subtracted_from_itself_is_nothing() -> None:
    assert not any(direction.any() for direction in (A - A).directions.values())


def test_nothing_is_changed_in_place() -> None:
    before = {layer: direction.clone() for layer, direction in A.directions.items()}
    _ = A + B, 3 * A, -A, A - B
    assert all(torch.equal(direction, before[layer]) for layer, direction in A.directions.items())


@pytest.mark.parametrize(
    "other",
    [vector_set((1.0, 2.0, 3.0)), vector_set((1.0, 2.0), layers=5), vector_set((1.0, 2.0), rule=Rule(site="mlp"))],
)
def test_only_vectors_of_one_kind_are_added(other: VectorSet) -> None:
    with pytest.raises(ConfigError, match="cannot be added"):
        _ = A + other


@pytest.mark.parametrize("strength", [-0.1, float("nan"), float("inf"), -float("inf")])
def test_a_strength_below_zero_or_not_finite_is_refused(strength: float) -> None:
    with pytest.raises(ConfigError, match=r"refused|no strength"):
        check_strength(A, strength)


@pytest.mark.parametrize("turned", [-A, -2 * A, A - 2 * A, B - C - C], ids=["minus", "scaled", "by sum", "by others"])
def test_algebra_does_not_get_round_the_refusal_to_steer_towards_harm(turned: VectorSet) -> None:
    """B - 2 C against B + 2 C is |B|^2 - 4 |C|^2 = 26.25 - 4 * 72.0625, far below zero."""
    with pytest.raises(ConfigError, match="points away from safety"):
        check_strength(turned, 1.0)


def test_a_layer_that_was_turned_round_does_not_hide_behind_a_long_one() -> None:
    """Layer 0 turned round and layer 1 made ten times as long: the sum of both products would be above zero."""
    both = VectorSet(directions={0: torch.ones(4), 1: torch.ones(4)}, rule=Rule(), layer_count=2)
    with pytest.raises(ConfigError, match="points away from safety in layers 0"):
        check_strength(-both.at([0]) + 10 * both.at([1]), 1.0)


def test_which_way_safety_lies_is_known_of_every_layer() -> None:
    with pytest.raises(ConfigError, match="not told of layers 1"):
        VectorSet(directions={0: torch.ones(4), 1: torch.ones(4)}, safe={0: torch.ones(4)}, rule=Rule(), layer_count=2)


def test_a_negative_that_was_saved_and_read_is_still_refused(tmp_path: Path) -> None:
    write_vectors(tmp_path / "v.safetensors", -A)
    with pytest.raises(ConfigError, match="points away from safety"):
        check_strength(read_vectors(tmp_path / "v.safetensors"), 1.0)


def test_a_file_gives_back_what_was_written(tmp_path: Path) -> None:
    rule = Rule(site="mlp", relative=True, gated=True, factor=0.1)
    written = replace(vector_set((0.1, 0.2), first=2, rule=rule), about={"pairs": 30, "variant": "reference"})
    write_vectors(tmp_path / "v.safetensors", written)
    read = read_vectors(tmp_path / "v.safetensors")
    assert same(written, read)
    assert (read.rule, read.layer_count, read.about) == (rule, 4, written.about)


def test_the_file_is_plain_safetensors_with_a_small_json_header(tmp_path: Path) -> None:
    write_vectors(tmp_path / "v.safetensors", A)
    with safe_open(tmp_path / "v.safetensors", framework="pt") as file:
        assert sorted(file.keys()) == ["icv.0", "icv.1"]
        header = json.loads(file.metadata()["instincts"])
    assert (header["layer_count"], header["width"], header["rule"]["site"]) == (4, 2, "block")


def test_sets_that_share_tensors_are_written(tmp_path: Path) -> None:
    """A sum shares its other layers with its parts, and a choice of layers all of them; safetensors refuses that."""
    for written in (A.at([1]), replace(A, safe={0: A.directions[0], 1: 2 * A.directions[1]})):
        write_vectors(tmp_path / "v.safetensors", written)
        assert same(written, read_vectors(tmp_path / "v.safetensors"))


def test_layers_can_be_chosen() -> None:
    assert list(A.at([1]).directions) == [1]
    assert list((-A).at([1]).safety) == [1]
    with pytest.raises(ConfigError, match="none of layers 3 has a direction; this vector has layers 0, 1"):
        A.at([3])


@pytest.mark.parametrize(
    ("directions", "message"),
    [
        ({}, "without a direction"),
        ({4: torch.zeros(2)}, "layer 4 of a 4-layer model"),
        ({0: torch.zeros(2), 1: torch.zeros(3)}, "several widths"),
        ({0: torch.tensor([1.0, float("nan")])}, "not finite"),
        ({0: torch.zeros(2, 2)}, r"direction of shape \[2, 2\]"),
        ({0: torch.tensor(1.0)}, r"direction of shape \[\]"),
    ],
)
def test_a_set_that_is_none_is_refused(directions: dict[int, Tensor], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        VectorSet(directions=directions, rule=Rule(), layer_count=4)


@pytest.mark.parametrize("factor", [-1.0, float("nan"), "0.1", None])
def test_a_rule_cannot_turn_steering_round(factor: Any) -> None:
    with pytest.raises(ConfigError, match="it runs from 0"):
        Rule(factor=factor)


@pytest.mark.parametrize(
    "change",
    [{"rule": {"factor": -1.0}}, {"rule": {"factor": "0.1"}}, {"width": 7}, {"width": None}, {"about": 3}],
)
def test_a_header_of_odd_content_is_refused_by_name(tmp_path: Path, change: dict[str, Any]) -> None:
    write_vectors(tmp_path / "v.safetensors", A)
    with safe_open(tmp_path / "v.safetensors", framework="pt") as file:
        header = json.loads(file.metadata()["instincts"])
    header |= {**change, "rule": header["rule"] | change.get("rule", {})}
    save_file(load_file(tmp_path / "v.safetensors"), tmp_path / "odd.safetensors", {"instincts": json.dumps(header)})
    with pytest.raises(ModelDirectoryError, match="no file of steering vectors"):
        read_vectors(tmp_path / "odd.safetensors")


def test_a_factor_that_makes_no_vector_is_refused() -> None:
    with pytest.raises(ConfigError, match="no vector"):
        _ = A * float("inf")
    with pytest.raises(ConfigError, match="divided by 0"):
        _ = A / 0


def test_a_damaged_or_foreign_file_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "v.safetensors"
    with pytest.raises(ModelDirectoryError, match=r"no v\.safetensors"):
        read_vectors(path)
    write_vectors(path, A)
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(ModelDirectoryError, match="no file of steering vectors"):
        read_vectors(path)


def test_a_folder_that_cannot_be_written_is_an_error_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RecordError, match="cannot write"):
        write_vectors(tmp_path / "file" / "v.safetensors", A)

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from instincts.arithmetic.gguf import export_gguf, export_overlay, import_gguf
from instincts.arithmetic.steering import lay_over
from instincts.errors import ConfigError, ModelDirectoryError
from instincts.models.directory import locate
from instincts.models.vectors import Rule, VectorSet

gguf = pytest.importorskip("gguf", reason="the package gguf (extra instincts[gguf]) is not installed")


def vectors(rule: Rule = Rule(keeps_norm=False), layers: tuple[int, ...] = (1, 2)) -> VectorSet:  # noqa: B008 - frozen
    directions = {layer: torch.tensor([1.0, -2.0, 0.5]) * (layer + 1) for layer in layers}
    return VectorSet(directions=directions, rule=rule, layer_count=4)


def test_what_a_control_vector_can_say_comes_back_whole(tmp_path: Path) -> None:
    lost = export_gguf(tmp_path / "v.gguf", vectors(), 1.0, model_type="llama")
    read = import_gguf(tmp_path / "v.gguf", layer_count=4)
    assert lost == ["which way safety lies: a negative scale will not be refused"]
    assert list(read.directions) == [1, 2]
    assert all(torch.equal(read.directions[layer], vectors().directions[layer]) for layer in (1, 2))
    assert (read.rule, read.about["model_type"]) == (vectors().rule, "llama")


def test_the_strength_is_folded_into_the_directions(tmp_path: Path) -> None:
    """2 * 0.5 * (2, -4, 1) = (2, -4, 1)."""
    export_gguf(tmp_path / "v.gguf", vectors(Rule(keeps_norm=False, factor=0.5)), 2.0, model_type="llama")
    assert import_gguf(tmp_path / "v.gguf", layer_count=4).directions[1].tolist() == [2, -4, 1]


def test_the_file_has_the_keys_that_llama_cpp_and_repeng_read(tmp_path: Path) -> None:
    export_gguf(tmp_path / "v.gguf", vectors(), 1.0, model_type="qwen2")
    reader = gguf.GGUFReader(tmp_path / "v.gguf")
    fields = {name: reader.get_field(name).contents() for name in reader.fields if not name.startswith("GGUF.")}
    assert fields == {
        "general.architecture": "controlvector",
        "controlvector.model_hint": "qwen2",
        "controlvector.layer_count": 2,
    }
    assert [tensor.name for tensor in reader.tensors] == ["direction.1", "direction.2"]
    assert all(tensor.tensor_type == gguf.GGMLQuantizationType.F32 for tensor in reader.tensors)


@pytest.mark.parametrize(
    ("rule", "layers", "lost"),
    [
        (Rule(keeps_norm=False), (0, 1), "the direction of layer 0"),
        (Rule(keeps_norm=False, site="mlp"), (1,), "the site"),
        (Rule(), (1,), "the norm that is kept"),
        (Rule(keeps_norm=False, gated=True), (1,), "the gate"),
        (Rule(keeps_norm=False, relative=True), (1,), "the length of a step"),
    ],
)
def test_everything_that_is_lost_is_said(tmp_path: Path, rule: Rule, layers: tuple[int, ...], lost: str) -> None:
    said = export_gguf(tmp_path / "v.gguf", vectors(rule, layers), 1.0, model_type="llama")
    assert len(said) == 2
    assert said[0].startswith(lost)
    assert 0 not in import_gguf(tmp_path / "v.gguf", layer_count=4).directions


def test_nothing_that_steers_towards_harm_is_written(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="refused"):
        export_gguf(tmp_path / "v.gguf", vectors(), -1.0, model_type="llama")
    with pytest.raises(ConfigError, match="points away from safety"):
        export_gguf(tmp_path / "v.gguf", -vectors(), 1.0, model_type="llama")
    assert not list(tmp_path.iterdir())


def test_layer_zero_alone_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no slot for layer 0"):
        export_gguf(tmp_path / "v.gguf", vectors(layers=(0,)), 1.0, model_type="llama")


def test_a_vector_for_a_longer_model_is_refused(tmp_path: Path) -> None:
    export_gguf(tmp_path / "v.gguf", vectors(), 1.0, model_type="llama")
    with pytest.raises(ConfigError, match="layer 2 of a 2-layer model"):
        import_gguf(tmp_path / "v.gguf", layer_count=2)


def test_a_file_that_is_no_control_vector_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelDirectoryError, match="no file"):
        import_gguf(tmp_path / "absent.gguf", layer_count=4)
    (tmp_path / "text.gguf").write_bytes(b"this is no such file at all, only words")
    with pytest.raises(ModelDirectoryError, match="is no GGUF file"):
        import_gguf(tmp_path / "text.gguf", layer_count=4)
    writer = gguf.GGUFWriter(tmp_path / "model.gguf", "llama")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with pytest.raises(ModelDirectoryError, match="holds llama, not a control vector"):
        import_gguf(tmp_path / "model.gguf", layer_count=4)


def control_vector(path: Path, tensors: dict[str, Any]) -> Path:
    """Write whatever a file of that architecture may hold: arrays, or bytes with their kind."""
    writer = gguf.GGUFWriter(path, "controlvector")
    for name, (array, kind) in tensors.items():
        writer.add_tensor(name, array, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.mark.parametrize("kind", ["F16", "BF16", "Q8_0"])
def test_other_precisions_are_read_as_numbers(tmp_path: Path, kind: str) -> None:
    """To what the precision holds: a part in a hundred for 8 bits."""
    numbers = np.linspace(-1, 1, 64, dtype=np.float32)
    kind_of = gguf.GGMLQuantizationType[kind]
    stored = gguf.quants.quantize(numbers, kind_of)
    read = import_gguf(control_vector(tmp_path / "v.gguf", {"direction.1": (stored, kind_of)}), layer_count=4)
    assert read.directions[1].numpy() == pytest.approx(numbers, abs=0.01)


@pytest.mark.parametrize(
    ("name", "shape", "told"),
    [
        ("direction.foo", (8,), "holds direction.foo"),
        ("direction.0", (8,), "holds direction.0"),
        ("direction.1", (8, 8), r"holds direction.1 of shape \[8, 8\]"),
        ("other", (8,), "a control vector without a direction"),
    ],
)
def test_an_odd_control_vector_is_refused_by_name(tmp_path: Path, name: str, shape: tuple[int, ...], told: str) -> None:
    path = control_vector(tmp_path / "v.gguf", {name: (np.ones(shape, dtype=np.float32), None)})
    with pytest.raises(ModelDirectoryError, match=told):
        import_gguf(path, layer_count=4)


def test_a_steered_folder_is_written_at_its_strength(tmp_path: Path) -> None:
    """0.5 * 4 = 2."""
    plain = VectorSet(directions={2: torch.full((128,), 4.0)}, rule=Rule(keeps_norm=False), layer_count=4)
    lay_over(locate("pocket-llama"), plain, 0.5, tmp_path / "steered")
    export_overlay(tmp_path / "steered", tmp_path / "v.gguf")
    assert import_gguf(tmp_path / "v.gguf", layer_count=4).directions[2].tolist() == [2.0] * 128
    with pytest.raises(ConfigError, match="has no steering vectors to write"):
        export_overlay("pocket-llama", tmp_path / "w.gguf")

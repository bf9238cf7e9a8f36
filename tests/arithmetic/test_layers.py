"""The layer of a tensor is read off the architecture's name pattern, from real architectures."""

from pathlib import Path
from typing import Any

import pytest

from instincts.arithmetic.checkpoint import open_checkpoint
from instincts.arithmetic.layers import layers_of
from instincts.errors import ModelDirectoryError
from instincts.models.directory import locate
from tests.tiny import edit_json, save_tiny


@pytest.mark.parametrize(
    ("family", "pattern", "changes"),
    [
        ("llama", "model.layers.{}.", {}),
        ("gemma2", "model.layers.{}.", {}),
        ("gpt2", "transformer.h.{}.", {"n_embd": 32, "n_layer": 2, "n_head": 4}),
        ("gpt_neox", "gpt_neox.layers.{}.", {}),
        ("opt", "model.decoder.layers.{}.", {"ffn_dim": 64, "word_embed_proj_dim": 32}),
        ("mixtral", "model.layers.{}.", {"num_local_experts": 2}),
    ],
)
def test_real_architectures(tmp_path: Path, family: Any, pattern: str, changes: dict[str, Any]) -> None:
    checkpoint = open_checkpoint(locate(str(save_tiny(tmp_path / "model", family, **changes))))

    found = layers_of(checkpoint)
    for name, layer in found.items():
        inside = [number for number in range(2) if name.startswith(pattern.format(number))]
        assert layer == (inside[0] if inside else None), name
    assert set(found.values()) == {None, 0, 1}


def test_layers_that_do_not_fit_the_configuration(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "model")
    edit_json(folder / "config.json", {"num_hidden_layers": 3})

    with pytest.raises(ModelDirectoryError, match="name no list of 3 layers"):
        layers_of(open_checkpoint(locate(str(folder))))

"""Steering vectors as GGUF control vectors, the file llama.cpp reads, and back; says what is lost on the way.

A control vector is a constant added to the residual stream after a layer. It has no slot for layer 0 and no words for a
site, a gate, or a norm that is kept. The package `gguf` (extra `instincts[gguf]`) reads and writes the file.
"""

from pathlib import Path
from typing import Any

import torch

from instincts.errors import ConfigError, ModelDirectoryError, RecordError
from instincts.models.directory import locate
from instincts.models.vectors import Rule, VectorSet, check_strength, read_vectors

__all__ = ["export_gguf", "export_overlay", "import_gguf", "require_gguf"]


def export_gguf(path: Path, vectors: VectorSet, strength: float, *, model_type: str) -> list[str]:
    """Write a set as a control vector whose scale 1 is the strength given.

    Args:
        path: the file, replaced if it exists.
        vectors: what to write.
        strength: folded into the directions, since a control vector has none of its own.
        model_type: the architecture it is for, as in a checkpoint's config.json; a hint that llama.cpp ignores.

    Returns:
        A sentence for each thing that a control vector cannot say; empty where nothing is lost.

    Raises:
        ConfigError: the package is missing, the strength is negative, or only layer 0 has a direction.
        RecordError: the file could not be written.
    """
    gguf = require_gguf()
    check_strength(vectors, strength)
    kept = {layer: direction for layer, direction in vectors.directions.items() if layer > 0}
    if not kept:
        raise ConfigError("only layer 0 has a direction, and a control vector has no slot for layer 0")
    partial = path.with_name(f".{path.name}")
    try:
        writer = gguf.GGUFWriter(partial, _ARCHITECTURE)
        writer.add_string(f"{_ARCHITECTURE}.model_hint", model_type)
        writer.add_uint32(f"{_ARCHITECTURE}.layer_count", len(kept))
        for layer, direction in kept.items():
            step = direction * (strength * vectors.rule.factor)
            writer.add_tensor(f"{_DIRECTION}{layer}", step.float().contiguous().numpy())
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise RecordError(f"cannot write {path}: {error.strerror}; free some space or choose another file") from error
    return _lost(vectors)


def export_overlay(model: str | Path, path: Path) -> list[str]:
    """Write the vector of a steered model directory, at the strength it has there; returns and errors of `export_gguf`.

    Raises:
        ConfigError: the model is not steered.
    """
    location = locate(str(Path(model).resolve() if isinstance(model, Path) else model))
    if location.overlay is None or location.overlay.kind != "safety-vector":
        raise ConfigError(f"{model} has no steering vectors to write; make them with instincts steer --pairs FILE")
    vectors = read_vectors(location.overlay.part)
    model_type = str(vectors.about.get("model_type", "unknown"))
    return export_gguf(path, vectors, location.overlay.strength, model_type=model_type)


def import_gguf(path: Path, *, layer_count: int) -> VectorSet:
    """Read a control vector as a set whose strength 1 is llama.cpp's scale 1.

    Nothing in the file says which way safety lies: that it lies along the vector is the caller's word.

    Args:
        path: the file.
        layer_count: how many layers the model has; the file counts its directions only.

    Raises:
        ConfigError: the package is missing, or a direction is for a layer that the model does not have.
        ModelDirectoryError: no such file, or not a control vector.
    """
    gguf = require_gguf()
    try:
        reader = gguf.GGUFReader(path)
    except FileNotFoundError:
        raise ModelDirectoryError(f"no file {path}") from None
    except (OSError, ValueError, IndexError, KeyError) as error:
        raise ModelDirectoryError(f"{path} is no GGUF file: {error}") from None
    field = reader.get_field("general.architecture")
    if field is None or field.contents() != _ARCHITECTURE:
        raise ModelDirectoryError(
            f"{path} holds {'nothing named' if field is None else field.contents()}, not a control vector"
        )
    directions = dict(_read(path, tensor) for tensor in reader.tensors if tensor.name.startswith(_DIRECTION))
    if not directions:
        raise ModelDirectoryError(f"{path} is a control vector without a direction; make it again")
    hint = reader.get_field(f"{_ARCHITECTURE}.model_hint")
    return VectorSet(
        directions=dict(sorted(directions.items())),
        rule=Rule(keeps_norm=False),
        layer_count=layer_count,
        about={"variant": "imported", "model_type": None if hint is None else str(hint.contents())},
    )


def _read(path: Path, tensor: Any) -> tuple[int, torch.Tensor]:
    from gguf.quants import dequantize

    layer = tensor.name.removeprefix(_DIRECTION)
    if not layer.isdigit() or layer == "0" or tensor.data.ndim != 1:
        raise ModelDirectoryError(
            f"{path} holds {tensor.name} of shape {list(tensor.data.shape)}; a control vector has one axis for each "
            "layer from 1"
        )
    return int(layer), torch.from_numpy(dequantize(tensor.data, tensor.tensor_type).copy()).float()


def require_gguf() -> Any:
    """Import the package.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        import gguf
    except ImportError:
        raise ConfigError("control vectors need the package gguf: pip install 'instincts[gguf]'") from None
    return gguf


def _lost(vectors: VectorSet) -> list[str]:
    rule = vectors.rule
    lost = {
        "the direction of layer 0: a control vector has no slot for it": 0 in vectors.directions,
        "the site: it was made for the output of the feed-forward part and will act on the residual stream": rule.site
        == "mlp",
        "the norm that is kept: activations will grow or shrink with every layer": rule.keeps_norm,
        "the gate: activations that point away from safety will move no further than others": rule.gated,
        "the length of a step: it was a share of each activation's own length and is now the same for all, so find "
        "a scale for it": rule.relative,
        "which way safety lies: a negative scale will not be refused": True,
    }
    return [sentence for sentence, is_lost in lost.items() if is_lost]


_ARCHITECTURE = "controlvector"
_DIRECTION = "direction."

"""Refuses model folders that are half-written, damaged or unsafe to read, before anything is loaded from them."""

import json
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from instincts.errors import ModelDirectoryError
from instincts.models.content import DEFENCE_FILE, content_files

__all__ = ["check_adapter", "check_safetensors", "check_whole", "read_json"]


def check_whole(name: str, folder: Path) -> None:
    """Refuse a folder that is not a whole checkpoint of a decoder-only model in safetensors.

    Raises:
        ModelDirectoryError: says what is missing, damaged or unsafe.
    """
    if not (folder / "config.json").is_file():
        raise ModelDirectoryError(
            f"{folder} is not a model: no config.json (and no {DEFENCE_FILE}); is it a half-written or a run folder?"
        )
    config = read_json(folder / "config.json")
    if config.get("is_encoder_decoder"):
        raise ModelDirectoryError(f"{name} is an encoder-decoder model; only decoder-only chat models can be opened")
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        weights = sorted({folder / str(shard) for shard in read_json(index).get("weight_map", {}).values()})
    else:
        weights = [path for path in content_files(folder) if path.suffix == ".safetensors"]
    if not weights and (pickles := [path.name for path in folder.iterdir() if path.suffix in _PICKLES]):
        raise ModelDirectoryError(
            f"{name} has only pickle weights ({', '.join(sorted(pickles))}), which can run code when they are loaded; "
            "save it again as safetensors (model.save_pretrained(DIR))"
        )
    if not weights:
        raise ModelDirectoryError(f"{folder} has a config.json but no *.safetensors weights; is it half-written?")
    for path in weights:
        check_safetensors(path)
    if not any(fnmatch(path.name, "tokenizer*") or path.suffix == ".model" for path in content_files(folder)):
        raise ModelDirectoryError(f"{folder} has no tokenizer files; save the tokenizer beside the model")


def check_adapter(adapter: Path) -> None:
    """Refuse a folder that is not a whole LoRA adapter in safetensors; errors as in `check_whole`."""
    if not (adapter / "adapter_config.json").is_file() or not (adapter / "adapter_model.safetensors").is_file():
        raise ModelDirectoryError(
            f"{adapter} does not hold adapter_config.json and adapter_model.safetensors; is the model half-written?"
        )
    check_safetensors(adapter / "adapter_model.safetensors")


def check_safetensors(path: Path) -> None:
    """Refuse a safetensors file that is absent or cut off; errors as in `check_whole`."""
    # A file cut off while it was written still has its header, so compare what the header promises with the size.
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if length > 2**27:
                raise ValueError
            header = json.loads(file.read(length))
        ends = [tensor["data_offsets"][1] for key, tensor in header.items() if key != "__metadata__"]
        whole = path.stat().st_size == 8 + length + max(ends, default=0)
    except FileNotFoundError:
        raise ModelDirectoryError(
            f"{path} is missing, though another file names it; is the model half-written?"
        ) from None
    except OSError as error:
        raise ModelDirectoryError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        whole = False
    if not whole:
        raise ModelDirectoryError(f"{path} is cut off or damaged; copy or save the model again")


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object; errors as in `check_whole`."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelDirectoryError(f"{path} cannot be read ({error}); is it half-written?") from None
    if not isinstance(value, dict):
        raise ModelDirectoryError(f"{path} does not hold a JSON object; is it half-written?")
    return value


_PICKLES = (".bin", ".pt", ".pth", ".pkl", ".ckpt")

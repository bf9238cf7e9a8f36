"""Finds the folder that holds a model, checks that it is whole and safe to read, and names its content by a digest.

A model is a pocket name, a local checkpoint folder, a folder whose `defence.json` lays an adapter over a base, or a hub
id. Only safetensors weights are read: pickle files can run code. The digest covers weights, configuration and tokenizer
and nothing else that may lie in the folder, so it changes exactly when answers may change.
"""

import hashlib
import json
import os
import re
import time
from collections.abc import Iterable
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, NamedTuple

from instincts.errors import ModelDirectoryError, unknown_name
from instincts.records import file_sha256

__all__ = ["DEFENCE_FILE", "ModelLocation", "Overlay", "content_files", "is_unchanged", "locate", "plain_name"]

DEFENCE_FILE = "defence.json"


class Overlay(NamedTuple):
    """What a `defence.json` lays over another model."""

    kind: str
    """`lora`."""
    base: "ModelLocation"
    adapter: Path
    """Folder of the adapter's configuration and weights."""


class ModelLocation(NamedTuple):
    """Where a model is and what it holds."""

    name: str
    """The model as the caller named it."""
    path: Path
    """Its folder; for an overlay the folder of its `defence.json`."""
    digest: str
    """SHA-256 over weights, configuration and tokenizer, an overlay's base included; 64 hexadecimal digits."""
    overlay: Overlay | None
    stamps: tuple[tuple[Path, tuple[int, ...]], ...] = ()
    """Identity, size and times of the folder and of each file that was read, taken before it was read."""

    @property
    def tagged_name(self) -> str:
        """Name and content in one, `NAME@0123456789ab`; `locate` opens it while the content is still that."""
        return f"{self.name}@{self.digest[:_TAG_DIGITS]}"


def locate(model: str) -> ModelLocation:
    """Find a model by pocket name, folder or hub id; a hub model is downloaded where it is not cached.

    A name may carry the beginning of a digest, as names in logs do (`ModelLocation.tagged_name`).

    Raises:
        ModelDirectoryError: there is no such model, it cannot be reached, its folder is not a whole, safe model, or its
            content is not what the name's digest says.
    """
    name = plain_name(model)
    location = _location(name, _folder(name), above=())
    if model not in (name, location.tagged_name):
        raise ModelDirectoryError(
            f"{name} has changed: its content is now {location.tagged_name}, not {model}; "
            f"name it without the digest to use it as it is"
        )
    return location


def plain_name(model: str) -> str:
    """Strip the digest from a model's name, for example from a name in a log."""
    return _TAG.sub("", model)


def is_unchanged(location: ModelLocation) -> bool:
    """Whether every file still is the one that was read, and no other has appeared; costs a few microseconds a file."""
    try:
        same = all(_stamp(path) == stamp for path, stamp in location.stamps)
    except OSError:
        return False
    return same and (location.overlay is None or is_unchanged(location.overlay.base))


def content_files(folder: Path) -> list[Path]:
    """List the files of a model folder that can change its answers, sorted by name."""
    names = sorted(entry.name for entry in os.scandir(folder) if _is_content(entry.name) and entry.is_file())
    return [*(folder / name for name in names), *sorted((folder / _MORE_TEMPLATES).glob("*.jinja"))]


def _location(name: str, folder: Path, above: tuple[Path, ...]) -> ModelLocation:
    if folder in above:
        raise ModelDirectoryError(f"{name} is laid over itself: {' -> '.join(str(path) for path in (*above, folder))}")
    overlay, folders, below = None, [folder], []
    if (folder / DEFENCE_FILE).is_file():
        overlay = _overlay(name, folder, above)
        folders, below = [folder, overlay.adapter], [overlay.base.digest]
    else:
        _check_whole(name, folder)
    files = [path for each in folders for path in content_files(each)]
    stamps = tuple((path, _stamp(path)) for path in [*folders, *files])
    parts = [*below, *(f"{path.name} {_content_sha256(path)}" for path in files)]
    return ModelLocation(name, folder, hashlib.sha256("\n".join(parts).encode()).hexdigest(), overlay, stamps)


def _folder(model: str) -> Path:
    from instincts.pocket import checkpoints

    if model in checkpoints.names():
        return checkpoints.path(model)
    path = Path(model).expanduser()
    if path.is_dir():
        return path.resolve()
    if path.exists():
        raise ModelDirectoryError(f"{model} is a file; name the folder that holds config.json and the weights")
    if not _HUB_ID.fullmatch(model):
        raise ModelDirectoryError(f"no folder {model}; check the path, or name a pocket model or a hub id (owner/name)")
    if "/" not in model:
        # Bare names are nearly always a misspelt pocket model or folder: ask no hub for them before saying so.
        raise ModelDirectoryError(f"no folder {model} here, {unknown_name('pocket model', model, checkpoints.names())}")
    return _download(model)


def _download(model: str) -> Path:
    from huggingface_hub import constants, snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
    )

    try:
        return Path(snapshot_download(model, allow_patterns=[*_CONTENT, f"{_MORE_TEMPLATES}/*"]))
    except GatedRepoError:
        why = "its owner asks you to accept terms on the hub and to log in (hf auth login)"
    except RepositoryNotFoundError:
        why = "the hub has no such model, or it is private and you are not logged in (hf auth login)"
    except HFValidationError:
        why = "it is no hub id (owner/name)"
    except (LocalEntryNotFoundError, OfflineModeIsEnabled, HfHubHTTPError, OSError) as error:
        if constants.HF_HUB_OFFLINE:
            why = "it is not in the local cache and HF_HUB_OFFLINE forbids a download"
        else:
            why = (
                f"it is not in the local cache and the hub cannot be reached ({type(error).__name__}); are you offline?"
            )
    raise ModelDirectoryError(
        f"no folder {model} here, and the hub model of that name cannot be opened: {why}"
    ) from None


def _overlay(name: str, folder: Path, above: tuple[Path, ...]) -> Overlay:
    card = _json(folder / DEFENCE_FILE)
    kind, base, adapter = card.get("kind"), card.get("base"), folder / str(card.get("adapter", "adapter"))
    if card.get("format") != 1 or kind != "lora" or not isinstance(base, str):
        raise ModelDirectoryError(
            f"{folder / DEFENCE_FILE} holds format {card.get('format')!r}, kind {kind!r}, base {base!r}; "
            'this version opens {"format": 1, "kind": "lora", "base": MODEL}'
        )
    _check_adapter(adapter)
    beside = (folder / base).resolve()
    below = beside if beside.is_dir() else _folder(base)
    return Overlay(kind, _location(base, below, (*above, folder)), adapter)


def _check_whole(name: str, folder: Path) -> None:
    if not (folder / "config.json").is_file():
        raise ModelDirectoryError(
            f"{folder} is not a model: no config.json (and no {DEFENCE_FILE}); is it a half-written or a run folder?"
        )
    config = _json(folder / "config.json")
    if config.get("is_encoder_decoder"):
        raise ModelDirectoryError(f"{name} is an encoder-decoder model; only decoder-only chat models can be opened")
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        weights = sorted({folder / str(shard) for shard in _json(index).get("weight_map", {}).values()})
    else:
        weights = [path for path in content_files(folder) if path.suffix == ".safetensors"]
    if not weights and (pickles := [path.name for path in folder.iterdir() if _is_pickle(path.name)]):
        raise ModelDirectoryError(
            f"{name} has only pickle weights ({', '.join(sorted(pickles))}), which can run code when they are loaded; "
            "save it again as safetensors (model.save_pretrained(DIR))"
        )
    if not weights:
        raise ModelDirectoryError(f"{folder} has a config.json but no *.safetensors weights; is it half-written?")
    for path in weights:
        _check_safetensors(path)
    if not any(fnmatch(path.name, "tokenizer*") or path.suffix == ".model" for path in content_files(folder)):
        raise ModelDirectoryError(f"{folder} has no tokenizer files; save the tokenizer beside the model")


def _check_adapter(adapter: Path) -> None:
    if not (adapter / "adapter_config.json").is_file() or not (adapter / "adapter_model.safetensors").is_file():
        raise ModelDirectoryError(
            f"{adapter} does not hold adapter_config.json and adapter_model.safetensors; is the model half-written?"
        )
    _check_safetensors(adapter / "adapter_model.safetensors")


def _check_safetensors(path: Path) -> None:
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
        raise ModelDirectoryError(f"{path} is listed in the weights' index but missing; is it half-written?") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        whole = False
    if not whole:
        raise ModelDirectoryError(f"{path} is cut off or damaged; copy or save the model again")


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelDirectoryError(f"{path} cannot be read ({error}); is it half-written?") from None
    if not isinstance(value, dict):
        raise ModelDirectoryError(f"{path} does not hold a JSON object; is it half-written?")
    return value


def _content_sha256(path: Path) -> str:
    # The hub's cache stores large files under their own SHA-256, so their content need not be read again.
    if (
        path.is_symlink()
        and re.fullmatch(r"[0-9a-f]{64}", (blob := path.resolve()).name)
        and blob.parent.name == "blobs"
    ):
        return blob.name
    stamp = _stamp(path)
    if (known := _known_hashes.get((path, stamp))) is not None:
        return known
    digest = file_sha256(path)
    # A file written twice within one tick of the clock keeps its time stamp: trust only stamps that have aged.
    if time.time_ns() - max(stamp) > _SETTLED_NS:
        _known_hashes[path, stamp] = digest
    return digest


def _stamp(path: Path) -> tuple[int, ...]:
    status = os.stat(path)
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _is_content(name: str) -> bool:
    return _matches(name, _CONTENT) or name == DEFENCE_FILE


def _is_pickle(name: str) -> bool:
    return _matches(name, ("*.bin", "*.pt", "*.pth", "*.pkl", "*.ckpt"))


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch(name, pattern) for pattern in patterns)


_CONTENT = (
    "model*.safetensors",
    "model.safetensors.index.json",
    "adapter_model.safetensors",
    "config.json",
    "generation_config.json",
    "adapter_config.json",
    "tokenizer*",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.*",
    "merges.txt",
    "*.model",
    "chat_template.*",
)

_MORE_TEMPLATES = "additional_chat_templates"

_HUB_ID = re.compile(r"[\w][\w.-]*(/[\w][\w.-]*)?")

_SETTLED_NS = 2_000_000_000

_TAG_DIGITS = 12

_TAG = re.compile(rf"@[0-9a-f]{{{_TAG_DIGITS}}}$")

_known_hashes: dict[tuple[Path, tuple[int, ...]], str] = {}

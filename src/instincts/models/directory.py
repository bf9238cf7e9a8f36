"""Finds the folder that holds a model, and names its content by a digest.

A model is a pocket name, a local checkpoint folder, a folder whose `defence.json` lays an adapter or steering vectors
over a base or puts a moderator before it, or a hub id. Only safetensors weights are read: pickle files can run code.
The digest covers weights, configuration and tokenizer, an overlay's parts and base too, and nothing else that may lie
in the folder, so it changes exactly when answers may change.
"""

import hashlib
import math
import re
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from instincts.errors import ModelDirectoryError, unknown_name
from instincts.models.content import CONTENT, DEFENCE_FILE, MORE_TEMPLATES, content_files, content_sha256, stamp
from instincts.models.wholeness import check_adapter, check_safetensors, check_whole, read_json

__all__ = [
    "DEFENCE_FILE",
    "SERVED",
    "ModelLocation",
    "Overlay",
    "OverlayKind",
    "content_files",
    "context_of",
    "is_unchanged",
    "locate",
    "plain_name",
    "tagged",
]


OverlayKind = Literal["lora", "safety-vector", "moderated"]

SERVED = "served"
"""Stands for the digest of a model behind another provider, whose content nobody here knows."""


class Overlay(NamedTuple):
    """What a `defence.json` lays over another model, or puts before it."""

    kind: "OverlayKind"
    base: "ModelLocation"
    part: Path
    """Folder of the adapter's configuration and weights, the file of the steering vectors, or that of the policy."""
    strength: float = 0.0
    """How strongly vectors steer, from 0; of no meaning for anything else."""
    analyst: "ModelLocation | str | None" = None
    """Who reads for a moderator; a name where another provider serves it."""
    told: str = ""
    """What a reader of numbers must know of a moderator, in a few words."""


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
        return tagged(self.name, self.digest)


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


def tagged(name: str, digest: str) -> str:
    """Join a model's name and the beginning of its digest, as names in logs are."""
    return f"{name}@{digest[:_TAG_DIGITS]}"


def plain_name(model: str) -> str:
    """Strip the digest from a model's name, for example from a name in a log."""
    return _TAG.sub("", model)


def is_unchanged(location: ModelLocation) -> bool:
    """Whether every file still is the one that was read, and no other has appeared; costs a few microseconds a file."""
    try:
        same = all(stamp(path) == before for path, before in location.stamps)
    except OSError:
        return False
    if location.overlay is None or not same:
        return same
    return all(
        is_unchanged(each)
        for each in (location.overlay.base, location.overlay.analyst)
        if isinstance(each, ModelLocation)
    )


def context_of(location: ModelLocation) -> int | None:
    """Tell how many tokens a model can hold, from its configuration or its base's; None where that sets no limit."""
    while location.overlay is not None:
        location = location.overlay.base
    config = read_json(location.path / "config.json")
    limit = config.get("max_position_embeddings") or config.get("text_config", {}).get("max_position_embeddings")
    return int(limit) if limit else None


def _location(name: str, folder: Path, above: tuple[Path, ...]) -> ModelLocation:
    if folder in above:
        raise ModelDirectoryError(f"{name} is laid over itself: {' -> '.join(str(path) for path in (*above, folder))}")
    overlay, folders, more, below = None, [folder], list[Path](), []
    if (folder / DEFENCE_FILE).is_file():
        overlay = _overlay(name, folder, above)
        below = [overlay.base.digest]
        if overlay.analyst is not None:
            below.append(f"{SERVED} {overlay.analyst}" if isinstance(overlay.analyst, str) else overlay.analyst.digest)
        (folders if overlay.kind == "lora" else more).append(overlay.part)
    else:
        check_whole(name, folder)
    try:
        files = [*(path for each in folders for path in content_files(each)), *more]
        stamps = tuple((path, stamp(path)) for path in [*folders, *files])
        parts = [*below, *(f"{path.name} {content_sha256(path)}" for path in files)]
    except OSError as error:
        raise ModelDirectoryError(f"{name} cannot be read: {error.filename}: {error.strerror}") from None
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
        return Path(snapshot_download(model, allow_patterns=[*CONTENT, f"{MORE_TEMPLATES}/*"]))
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
    card = read_json(folder / DEFENCE_FILE)
    kind: Any = card.get("kind")
    base = card.get("base")
    if card.get("format") != 1 or kind not in get_args(OverlayKind) or not isinstance(base, str):
        raise ModelDirectoryError(
            f"{folder / DEFENCE_FILE} holds format {card.get('format')!r}, kind {kind!r}, base {base!r}; "
            f'this version opens {{"format": 1, "kind": one of {", ".join(get_args(OverlayKind))}, "base": MODEL}}'
        )
    part, strength = _part(folder, card)
    below = _below(name, folder, above, "base", card)
    if kind != "moderated":
        return Overlay(kind, below, part, strength)
    analyst: ModelLocation | str = str(card.get("analyst"))
    if card.get("analyst_digest") != SERVED:
        analyst = _below(name, folder, above, "analyst", card)
    return Overlay(kind, below, part, strength, analyst, str(card.get("told") or "moderated"))


def _below(name: str, folder: Path, above: tuple[Path, ...], which: str, card: dict[str, Any]) -> ModelLocation:
    """Find another model that a `defence.json` names, and make sure that it is the one it was."""
    named = str(card.get(which))
    beside = (folder / named).resolve()
    found = _location(named, beside if beside.is_dir() else _folder(named), (*above, folder))
    if card.get(f"{which}_digest", found.digest) != found.digest:
        what = "the model that {} was made on" if which == "base" else "the analyst that {} was made with"
        raise ModelDirectoryError(
            f"{named} is no longer {what.format(name)}; make {name} again, or take {which}_digest out of "
            f"{folder / DEFENCE_FILE} if you know that it still fits"
        )
    return found


def _part(folder: Path, card: dict[str, Any]) -> tuple[Path, float]:
    if card["kind"] == "moderated":
        policy = folder / str(card.get("policy"))
        if not policy.is_file():
            raise ModelDirectoryError(f"{folder / DEFENCE_FILE} names the policy {policy.name}, which is not there")
        return policy, 0.0
    if card["kind"] == "lora":
        adapter = folder / str(card.get("adapter", "adapter"))
        check_adapter(adapter)
        return adapter, 0.0
    vectors, strength = folder / str(card.get("vectors", "vector.safetensors")), card.get("strength")
    if isinstance(strength, bool) or not isinstance(strength, int | float) or not 0 <= strength < math.inf:
        raise ModelDirectoryError(
            f"{folder / DEFENCE_FILE} has strength {strength!r}; a strength is a number from 0, and negative ones, "
            "which would steer towards harm, are refused"
        )
    check_safetensors(vectors)
    return vectors, float(strength)


_HUB_ID = re.compile(r"[\w][\w.-]*(/[\w][\w.-]*)?")

_TAG_DIGITS = 12

_TAG = re.compile(rf"@[0-9a-f]{{{_TAG_DIGITS}}}$")

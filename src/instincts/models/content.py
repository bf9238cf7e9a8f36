"""Which files of a model folder can change its answers, and what is in them; knows no model by name."""

import os
import re
import time
from fnmatch import fnmatch
from pathlib import Path

from instincts.records import file_sha256

__all__ = ["CONTENT", "DEFENCE_FILE", "MORE_TEMPLATES", "content_files", "content_sha256", "stamp"]

DEFENCE_FILE = "defence.json"
"""The file that makes a folder an overlay."""

CONTENT = (
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
"""Patterns of weights, configuration, tokenizer and chat template, as transformers reads them."""

MORE_TEMPLATES = "additional_chat_templates"
"""Folder of the chat templates that are not the default one."""


def content_files(folder: Path) -> list[Path]:
    """List the files of a model folder that can change its answers, sorted by name."""
    names = sorted(entry.name for entry in os.scandir(folder) if _is_content(entry.name) and entry.is_file())
    return [*(folder / name for name in names), *sorted((folder / MORE_TEMPLATES).glob("*.jinja"))]


def content_sha256(path: Path) -> str:
    """Hash the content of one file; 64 hexadecimal digits, remembered while the file stays the same."""
    # The hub's cache stores large files under their own SHA-256, so their content need not be read again.
    if (
        path.is_symlink()
        and re.fullmatch(r"[0-9a-f]{64}", (blob := path.resolve()).name)
        and blob.parent.name == "blobs"
    ):
        return blob.name
    now = stamp(path)
    if (known := _known_hashes.get((path, now))) is not None:
        return known
    digest = file_sha256(path)
    # A file written twice within one tick of the clock keeps its time stamp: trust only stamps that have aged.
    if time.time_ns() - max(now[2:]) > _SETTLED_NS:
        _known_hashes[path, now] = digest
    return digest


def stamp(path: Path) -> tuple[int, ...]:
    """Take identity, size and times of a file or folder; while they stay equal, so does the content.

    Raises:
        OSError: there is none.
    """
    status = os.stat(path)
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _is_content(name: str) -> bool:
    return name == DEFENCE_FILE or any(fnmatch(name, pattern) for pattern in CONTENT)


_SETTLED_NS = 2_000_000_000

_known_hashes: dict[tuple[Path, tuple[int, ...]], str] = {}

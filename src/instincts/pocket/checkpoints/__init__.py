"""The pocket models that ship with the package, and where they lie; knows no model class."""

from importlib.resources import files
from pathlib import Path

from instincts.errors import unknown_name

__all__ = ["names", "path"]


def names() -> list[str]:
    """List the shipped pocket models."""
    return sorted(folder.name for folder in _here().iterdir() if (folder / "config.json").is_file())


def path(name: str) -> Path:
    """Give the folder of a shipped pocket model, an ordinary Hugging Face checkpoint.

    Raises:
        ConfigError: no such pocket model; the message lists those that exist.
    """
    if name not in names():
        raise unknown_name("pocket model", name, names())
    return _here() / name


def _here() -> Path:
    # A checkpoint is opened by path, so the package must lie in a folder, which an installed wheel does.
    return Path(str(files("instincts.pocket.checkpoints")))

"""How a model that was trained to write trees is asked: a file in its folder says it, so that nobody has to.

A specialist has learnt the schema, so it takes no instruction: its question is the sides that are wanted and the quoted
prompt. Whoever opens an analyst asks here first; what a user sets by hand wins. A specialist behind a server has no
folder that we see: there `coding` and `calls` are set by hand.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from instincts.analyst.settings import AnalysisSettings
from instincts.errors import ModelDirectoryError
from instincts.records import write_json

if TYPE_CHECKING:
    from instincts.models.target import Target

__all__ = ["SPECIALIST_FILE", "Specialist", "as_trained", "read_specialist", "write_specialist"]

SPECIALIST_FILE = "specialist.json"


class Specialist(BaseModel):
    """The format that a specialist was trained on."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    format: Literal[1] = 1
    """Of this file."""
    coding: Literal["specialist", "specialist-json"]
    """How it writes a tree."""
    calls: Literal[1, 2]
    """Whether it was asked for both sides at once or for one at a time."""
    templates: str
    """Hash of the wording and the taxonomy that it was trained with."""
    teacher_licence: str | None = None
    """What its teacher's terms say of training on what it writes, in the words of whoever trained it."""


def as_trained(found: "Target", settings: AnalysisSettings) -> AnalysisSettings:
    """Give the settings with which a model is asked: as it was trained, where it says so and the user does not.

    Raises:
        ModelDirectoryError: its file is not one that this version reads.
    """
    if not found.is_local:
        return settings
    from instincts.models.directory import locate

    known = read_specialist(locate(found.given).path)
    if known is None:
        return settings
    told = {"coding": known.coding, "calls": known.calls}
    return settings.model_copy(
        update={name: value for name, value in told.items() if name not in settings.model_fields_set}
    )


def read_specialist(folder: Path) -> Specialist | None:
    """Read how a model is asked; None where its folder does not say.

    Raises:
        ModelDirectoryError: the file is not one that this version reads.
    """
    path = folder / SPECIALIST_FILE
    if not path.is_file():
        return None
    try:
        return Specialist.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise ModelDirectoryError(f"{path}: {place}: {first['msg']}; make the specialist again") from None


def write_specialist(folder: Path, known: Specialist) -> None:
    """Write how a model is asked into its folder."""
    write_json(folder / SPECIALIST_FILE, known.model_dump())

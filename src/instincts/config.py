"""Frozen settings whose field docs become `--help`, and the one `--scale` dial; knows no setting of any room."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from instincts.errors import ConfigError, unknown_name

__all__ = ["Scale", "Settings", "scale_for"]


class Scale(StrEnum):
    """How much of a thing to do. `full` is the paper's setting and the default of every field."""

    SMOKE = "smoke"
    """A pocket model on two CPU cores, about a minute."""
    SMALL = "small"
    """One GPU, about an hour."""
    FULL = "full"
    """The published setting."""


def scale_for(parameters: int) -> Scale:
    """Choose a scale from the model's size when the user gave none: below 50 M smoke, below 4 B small, else full."""
    if parameters < 50_000_000:
        return Scale.SMOKE
    return Scale.SMALL if parameters < 4_000_000_000 else Scale.FULL


class Settings(BaseModel):
    """What a user can set. The text under a field is its help: meaning, unit, source of the default.

    A subclass lists in `scales` only the fields that a scale changes. A later source wins: default, scale, flag.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)

    scales: ClassVar[Mapping[Scale, Mapping[str, Any]]] = {}

    @classmethod
    def resolve(cls, scale: Scale = Scale.FULL, given: Mapping[str, Any] | None = None) -> Self:
        """Settle every field from the class defaults, the scale, and what the user gave; `None` means not given.

        Raises:
            ConfigError: a field that does not exist or a value that does not fit; says which and what is allowed.
        """
        flags = {name: value for name, value in (given or {}).items() if value is not None}
        for name in flags:
            if name not in cls.model_fields:
                raise unknown_name("setting", name, cls.model_fields)
        # Not model_copy(update=...): that validates nothing and lets negative counts and misspelt fields pass.
        try:
            return cls.model_validate({**cls.scales.get(scale, {}), **flags})
        except ValidationError as error:
            raise ConfigError("; ".join(_one_line(problem) for problem in error.errors())) from None


def _one_line(problem: Mapping[str, Any]) -> str:
    where = ".".join(str(part) for part in problem["loc"]) or "settings"
    return f"{where} = {problem['input']!r}: {problem['msg']}" if problem["loc"] else str(problem["msg"])

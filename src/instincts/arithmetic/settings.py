"""Every setting of Harm Direction Removal and what each variant changes; knows no model and no file."""

import re
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from pydantic import Field, field_validator

from instincts.config import Settings
from instincts.errors import unknown_name

__all__ = ["VARIANTS", "LayerRange", "Mismatch", "RemovalSettings", "Variant", "resolve_settings"]

Variant = Literal["paper", "reference"]

Mismatch = Literal["error", "common", "skip"]


class LayerRange(NamedTuple):
    """Decoder layers from `first` to `last`, both included, counted from 0."""

    first: int
    last: int


class RemovalSettings(Settings):
    """One Harm Direction Removal. Defaults are the published values."""

    variant: Variant = "paper"
    """Where paper and released code differ: `paper` keeps the share `keep` of the entries, `reference` one entry more,
    as the code counts; both keep every entry that ties with the last one."""
    strength: float = 2.0
    """How much of the trimmed harm vector is subtracted, lambda. The paper sets it by hand between 2 and 3, its
    released notebooks to 3, which is the default of `reference`."""
    keep: float = Field(0.1, ge=0, le=1)
    """Share of the harm vector's entries that is kept, by magnitude over all layers at once: `10%` or `0.1`."""
    layers: str = "auto"
    """Which layers: `all` (embeddings, norms and head included), a range such as `4-6`, or `auto`: the edited layers
    and their neighbours where comparing with the base finds an edit, else all."""
    mismatch: Mismatch = "error"
    """What to do where the three models hold different tensors or vocabularies: `error` stops, `common` edits the
    tensors and vocabulary rows that all three have, `skip` leaves every tensor that differs as it is."""
    include: tuple[str, ...] = ()
    """Patterns of tensor names (`*embed_tokens*`) that are edited besides the layers chosen."""
    exclude: tuple[str, ...] = ()
    """Patterns of tensor names that are never edited."""

    @field_validator("strength")
    @classmethod
    def _removes(cls, strength: float) -> float:
        if strength < 0:
            raise ValueError(
                "a negative strength would add the harm direction and make the model worse, so it is refused; "
                "strengths run from 0"
            )
        return strength

    @field_validator("keep", mode="before")
    @classmethod
    def _share(cls, keep: Any) -> Any:
        # The released code reads numbers above 1 as percent, so that 1 is everything and 2 is next to nothing.
        text = str(keep).strip()
        try:
            share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
        except ValueError:
            raise ValueError("write a percentage such as 10%, or a share such as 0.1") from None
        if share > 1:
            raise ValueError(f"more than everything; for percent write {text.removesuffix('%')}%, at most 100%")
        return share

    @field_validator("include", "exclude", mode="before")
    @classmethod
    def _patterns(cls, given: Any) -> Any:
        return given.split(",") if isinstance(given, str) else given

    @field_validator("layers")
    @classmethod
    def _layers(cls, layers: str) -> str:
        if layers not in {"auto", "all"} and not _RANGE.fullmatch(layers):
            raise ValueError("write auto, all, one layer such as 5, or a range such as 4-6")
        if (found := _RANGE.fullmatch(layers)) and found[2] and int(found[2]) < int(found[1]):
            raise ValueError(f"{layers} ends before it begins")
        return layers

    @property
    def layer_range(self) -> LayerRange | None:
        """The layers asked for by number; None for `auto` and `all`."""
        if (found := _RANGE.fullmatch(self.layers)) is None:
            return None
        return LayerRange(int(found[1]), int(found[2] or found[1]))


VARIANTS: Mapping[str, Mapping[str, Any]] = {"paper": {}, "reference": {"strength": 3.0}}


def resolve_settings(variant: str, given: Mapping[str, Any]) -> RemovalSettings:
    """Settle the settings: class defaults, then the variant, then what the user gave; `None` means not given.

    Raises:
        ConfigError: an unknown variant or setting, or a value that does not fit.
    """
    if variant not in VARIANTS:
        raise unknown_name("variant", variant, VARIANTS)
    chosen = {name: value for name, value in given.items() if value is not None}
    return RemovalSettings.resolve(given={"variant": variant, **VARIANTS[variant], **chosen})


_RANGE = re.compile(r"(\d+)(?:-(\d+))?")

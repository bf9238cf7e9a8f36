"""Steering vectors: what they hold, their algebra, and their file; knows no pairs and puts nothing on a model.

A set has one direction a layer, always towards safety, and a rule that says how activations move along it. Sums, scaled
sets and negatives are sets again. Each remembers which way safety lies, so no sum of sets can be used against it.
"""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self, get_args

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from instincts.errors import ConfigError, ModelDirectoryError, RecordError
from instincts.models.hooks import Site

__all__ = ["Rule", "VectorSet", "check_strength", "read_vectors", "write_vectors"]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """How an activation x moves along a direction d by a strength a: y = x + a * factor * gate * length * d."""

    site: Site = "block"
    """Whose output moves."""
    relative: bool = False
    """Whether `length` is the norm of x, else 1."""
    gated: bool = False
    """Whether `gate` is 1 + max(0, -cos(x, d)), at most twice the step where x points away from safety; else 1."""
    keeps_norm: bool = True
    """Whether y is scaled back to the norm of x."""
    factor: float = 1.0
    """Multiplies every strength, from 0; 0.1 in the code that was released with the paper."""

    def __post_init__(self) -> None:
        """Refuse a factor that would turn every direction round."""
        if not (isinstance(self.factor, int | float) and math.isfinite(self.factor) and self.factor >= 0):
            raise ConfigError(f"factor {self.factor!r} of a rule would steer towards harm or nowhere; it runs from 0")


@dataclass(frozen=True, kw_only=True, eq=False)
class VectorSet:
    """One direction a layer and the rule they are applied by. Layers without a direction are left alone.

    `a + b`, `a - b`, `-a`, `2 * a` and `a / 2` are sets; strength s with `2 * a` is strength 2 s with `a`.
    """

    directions: Mapping[int, Tensor]
    """By layer, 0 for the first block; [D], float32, towards safety as it was built."""
    rule: Rule
    layer_count: int
    """How many layers the model has."""
    about: Mapping[str, Any] = field(default_factory=dict)
    """How it was made: variant, pairs, model; plain JSON, no path and no text of a pair."""
    safe: Mapping[int, Tensor] | None = None
    """Which way safety lies, by layer. Negation and scaling leave it; sums add it. None: along the directions."""

    def __post_init__(self) -> None:
        """Hold the set to one width, to finite numbers and to layers that exist."""
        if not self.directions:
            raise ConfigError("a vector set without a direction steers nothing; give at least one layer")
        if self.safe is None:
            object.__setattr__(self, "safe", self.directions)
        for name in ("directions", "safe", "about"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))
        for layer, direction in self.directions.items():
            if direction.ndim != 1:
                raise ConfigError(f"layer {layer} has a direction of shape {list(direction.shape)}; one has one axis")
        if len({tuple(direction.shape) for direction in self._all()}) > 1:
            raise ConfigError(f"directions of several widths in one set: {sorted(_widths(self.directions))}")
        for layer in self.directions:
            if not 0 <= layer < self.layer_count:
                raise ConfigError(f"layer {layer} of a {self.layer_count}-layer model; layers run 0 to "
                                  f"{self.layer_count - 1}")  # fmt: skip
        assert self.safe is not None
        if unknown := self.directions.keys() - self.safe.keys():
            raise ConfigError(f"which way safety lies is not told of layers {_spelt(unknown)}; build the vector again")
        if not all(bool(direction.isfinite().all()) for direction in self._all()):
            raise ConfigError("a direction holds numbers that are not finite; build the vector again")

    @property
    def width(self) -> int:
        """Width of the hidden states it fits."""
        return next(iter(self.directions.values())).shape[0]

    @property
    def safety(self) -> dict[int, float]:
        """Scalar product of each layer's direction with the way safety lies; negative where it steers towards harm."""
        assert self.safe is not None
        return {
            layer: float(direction.double() @ self.safe[layer].double()) for layer, direction in self.directions.items()
        }

    def at(self, layers: "Mapping[int, object] | set[int] | range | list[int]") -> Self:
        """Keep only some layers.

        Raises:
            ConfigError: none of them has a direction.
        """
        kept = {layer: direction for layer, direction in self.directions.items() if layer in layers}
        if not kept:
            raise ConfigError(
                f"none of layers {_spelt(layers)} has a direction; this vector has layers {_spelt(self.directions)}"
            )
        assert self.safe is not None
        return replace(self, directions=kept, safe={layer: self.safe[layer] for layer in kept})

    def __add__(self, other: Self) -> Self:
        if not isinstance(other, VectorSet):
            return NotImplemented
        for name in ("rule", "layer_count", "width"):
            ours, theirs = getattr(self, name), getattr(other, name)
            if ours != theirs:
                raise ConfigError(f"vectors of another {name.replace('_', ' ')} cannot be added: {ours} and {theirs}")
        assert self.safe is not None
        assert other.safe is not None
        about = {name: value for name, value in self.about.items() if other.about.get(name) == value}
        return replace(
            self,
            directions=_added(self.directions, other.directions),
            safe=_added(self.safe, other.safe),
            about=about,
        )

    def __mul__(self, factor: float) -> Self:
        if not isinstance(factor, int | float):
            return NotImplemented
        if not math.isfinite(factor):
            raise ConfigError(f"a vector times {factor} is no vector; give a finite number")
        return replace(self, directions=_mapped(self.directions, lambda direction: direction * factor))

    __rmul__ = __mul__

    def __truediv__(self, divisor: float) -> Self:
        if divisor == 0:
            raise ConfigError("a vector divided by 0 is no vector; give another number")
        return self * (1 / divisor)

    def __neg__(self) -> Self:
        return self * -1

    def __sub__(self, other: Self) -> Self:
        return self + -other

    def _all(self) -> list[Tensor]:
        assert self.safe is not None
        return [*self.directions.values(), *self.safe.values()]


def check_strength(vectors: VectorSet, strength: float) -> None:
    """Refuse to steer towards harm.

    Raises:
        ConfigError: the strength is negative or not finite, or the vector points away from safety.
    """
    if not math.isfinite(strength):
        raise ConfigError(f"strength {strength} is no strength; give a number from 0")
    if strength < 0:
        raise ConfigError(
            f"strength {strength} would steer towards harm and is refused; 0 is no steering, larger is more"
        )
    # Layer by layer: over all of them, one that is turned round would hide behind another that was made long.
    if away := [layer for layer, product in vectors.safety.items() if product < 0]:
        raise ConfigError(
            f"this vector points away from safety in layers {_spelt(away)}, so steering along it is refused; use its "
            "negative, or only the other layers"
        )


def write_vectors(path: Path, vectors: VectorSet) -> None:
    """Write a set as safetensors: `icv.LAYER` in float32, `safe.LAYER` where it differs, and a small JSON header.

    Raises:
        RecordError: it could not be written.
    """
    assert vectors.safe is not None
    tensors = {f"{_DIRECTION}{layer}": direction.contiguous() for layer, direction in vectors.directions.items()}
    if not _same(vectors.directions, vectors.safe):
        # Copies, since safetensors writes no two tensors of one memory, and a sum may share some layers with its parts.
        tensors |= {f"{_SAFE}{layer}": direction.clone().contiguous() for layer, direction in vectors.safe.items()}
    header = {
        "format": 1,
        "rule": asdict(vectors.rule),
        "layer_count": vectors.layer_count,
        "width": vectors.width,
        "about": dict(vectors.about),
    }
    content = save(tensors, metadata={_HEADER: json.dumps(header, sort_keys=True, allow_nan=False)})
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}")
        partial.write_bytes(content)
        partial.replace(path)
    except OSError as error:
        raise RecordError(f"cannot write {path}: {error.strerror}; free some space or choose another --out") from error


def read_vectors(path: Path) -> VectorSet:
    """Read what `write_vectors` wrote.

    Raises:
        ModelDirectoryError: the file is missing, damaged, of another format, or holds what its header does not say.
    """
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {})[_HEADER])
            if header["format"] != 1:
                raise ValueError(f"format {header['format']!r}, this version reads 1")
            tensors = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118 (no dict)
        if header["rule"]["site"] not in get_args(Site):
            raise ValueError(f"site {header['rule']['site']!r}")
        safe = _named(tensors, _SAFE)
        vectors = VectorSet(
            directions=_named(tensors, _DIRECTION),
            safe=safe or None,
            rule=Rule(**header["rule"]),
            layer_count=int(header["layer_count"]),
            about=dict(header["about"]),
        )
        if vectors.width != header["width"]:
            raise ValueError(f"directions of width {vectors.width}, and the header says {header['width']!r}")
    except FileNotFoundError:
        raise ModelDirectoryError(f"no {path.name} in {path.parent}; is the model half-written?") from None
    except (SafetensorError, OSError, KeyError, ValueError, TypeError, ConfigError) as error:
        raise ModelDirectoryError(f"{path} is no file of steering vectors: {error}; build it again") from None
    return vectors


def _named(tensors: Mapping[str, Tensor], prefix: str) -> dict[int, Tensor]:
    found = {int(name.removeprefix(prefix)): value for name, value in tensors.items() if name.startswith(prefix)}
    return dict(sorted(found.items()))


def _same(one: Mapping[int, Tensor], other: Mapping[int, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[layer], other[layer]) for layer in one)


def _mapped(directions: Mapping[int, Tensor], change: Callable[[Tensor], Tensor]) -> dict[int, Tensor]:
    return {layer: change(direction) for layer, direction in directions.items()}


def _added(one: Mapping[int, Tensor], other: Mapping[int, Tensor]) -> dict[int, Tensor]:
    both = {}
    for layer in sorted({*one, *other}):
        parts = [directions[layer] for directions in (one, other) if layer in directions]
        both[layer] = parts[0] if len(parts) == 1 else parts[0] + parts[1]
    return both


def _widths(directions: Mapping[int, Tensor]) -> set[tuple[int, ...]]:
    return {tuple(direction.shape) for direction in directions.values()}


def _spelt(layers: Any) -> str:
    return ", ".join(map(str, sorted(layers)))


_HEADER = "instincts"
_DIRECTION = "icv."
_SAFE = "safe."

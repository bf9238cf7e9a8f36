"""Pairs the tensors of target, harmed and base from their headers, with a stated policy for whatever does not pair.

Knows names, shapes and precisions; reads no weight. The released code flattens three state dicts in their own order and
checks nothing, so one extra tensor misaligns everything after it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from fnmatch import fnmatch
from typing import Any

from instincts.arithmetic.checkpoint import Checkpoint, Stored, is_coarser
from instincts.arithmetic.layers import layers_of
from instincts.arithmetic.settings import Mismatch
from instincts.errors import ConfigError, ModelDirectoryError

__all__ = ["Part", "Plan", "Policy", "make_plan", "narrow"]


class Policy(StrEnum):
    """What is done with a tensor that is not simply edited, in the words of `run.json`."""

    NOT_A_WEIGHT = "holds no trained weights (integers, rotary frequencies): copied, never counted"
    NOT_IN_HARM_VECTOR = "missing from harmed or base: copied as it is"
    NOT_IN_TARGET = "only in harmed or base: ignored"
    COMMON_ROWS = "the vocabularies differ: only the first rows, which all three have, are edited"
    OTHER_ROWS = "the vocabularies differ: copied as it is"
    TIED = "another copy of a tied weight: edited like the first, counted once"
    UNTIED = "tied in one model and stored in another: where it is tied, the embeddings are read in its place"
    ROUNDED = "harmed is stored more coarsely than base: the base is rounded to it before the two are subtracted"
    WIDENED = "harmed is stored more finely than base: the two are subtracted as they are, in float32"
    CONVERTED = "the target's precision differs: subtracted in float32 and rounded once, to the target's"
    OUT_OF_SCOPE = "outside the layers chosen, or excluded: copied bit for bit"


@dataclass(frozen=True, kw_only=True)
class Part:
    """One tensor of the target, and where its piece of the harm vector comes from."""

    target: Stored
    harmed: Stored | None
    base: Stored | None
    entries: int
    """How many of its first entries the harm vector covers, row-major; 0 for a tensor that is copied."""
    counted: bool
    """Whether they count towards the threshold: what is tied counts once."""
    layer: int | None
    """Its decoder layer; None outside of them."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What happens to every tensor of the target."""

    target: Checkpoint
    parts: Mapping[str, Part]
    policies: Mapping[Policy, tuple[str, ...]]
    """The tensors that each policy touched."""

    @property
    def edited(self) -> list[Part]:
        """The tensors that the harm vector covers, sorted by name."""
        return [part for _, part in sorted(self.parts.items()) if part.entries]

    @property
    def entries(self) -> int:
        """How many entries of the harm vector count towards the threshold, N."""
        return sum(part.entries for part in self.parts.values() if part.counted)

    def describe(self) -> dict[str, Any]:
        """Say what each policy touched, for `run.json`."""
        return {
            policy.name.lower(): {"policy": str(policy), "tensors": list(names)}
            for policy, names in self.policies.items()
        }


def make_plan(target: Checkpoint, harmed: Checkpoint, base: Checkpoint, mismatch: Mismatch = "error") -> Plan:
    """Pair the tensors of three models of one architecture.

    Args:
        target: the model to be edited.
        harmed: the base, fine-tuned to comply with what it should refuse.
        base: the model that the harmed one was made from.
        mismatch: what to do where tensors or vocabularies differ, see `RemovalSettings.mismatch`.

    Raises:
        ModelDirectoryError: weights are quantised or of a precision that cannot be edited, shapes differ in more than
            the vocabulary, or anything differs and `mismatch` is `error`.
    """
    models = (target, harmed, base)
    for model in models:
        _refuse_quantised(model)
    layers = layers_of(target)
    parts: dict[str, Part] = {}
    policies: dict[Policy, list[str]] = defaultdict(list)
    # Tied copies last, so that of two tensors that share their storage the original is the one that counts.
    for name in sorted(target.tensors, key=lambda name: (name in target.ties, name)):
        stored, of_harmed, of_base, entries = target.tensors[name], _source(harmed, name), _source(base, name), 0
        if not stored.is_weight or name.endswith(_CONSTANTS):
            policies[Policy.NOT_A_WEIGHT].append(name)
        elif of_harmed is None or of_base is None:
            policies[Policy.NOT_IN_HARM_VECTOR].append(name)
        elif stored.shape == of_harmed.shape == of_base.shape:
            entries = stored.entries
        else:
            rows = _common_rows(models, (stored, of_harmed, of_base))
            entries = rows * (stored.entries // stored.shape[0]) if mismatch == "common" else 0
            policies[Policy.COMMON_ROWS if entries else Policy.OTHER_ROWS].append(name)
        parts[name] = Part(
            target=stored, harmed=of_harmed, base=of_base, entries=entries, counted=False, layer=layers[name]
        )
    parts = _count_once(parts)
    for name, part in parts.items():
        for policy in _remarks(name, part):
            policies[policy].append(name)
    policies[Policy.NOT_IN_TARGET] = _extra(target, harmed, base)
    if mismatch == "error":
        _refuse_mismatch(target, harmed, base, policies)
    return Plan(
        target=target, parts=parts, policies={policy: tuple(names) for policy, names in policies.items() if names}
    )


def narrow(
    plan: Plan, layers: Iterable[int] | None, *, include: Iterable[str] = (), exclude: Iterable[str] = ()
) -> Plan:
    """Restrict a plan to some layers, before anything is counted: the paper masks first and trims inside the mask.

    Args:
        plan: the plan of the whole model.
        layers: decoder layers from 0; None for every tensor.
        include: patterns of tensors that are in scope whatever their layer.
        exclude: patterns of tensors that are out of scope whatever else says so.

    Raises:
        ConfigError: a layer the model has not, a pattern that matches nothing, or nothing left to edit.
    """
    chosen = None if layers is None else set(layers)
    if chosen is not None and (odd := sorted(chosen - set(range(plan.target.layers)))):
        raise ConfigError(
            f"layer {odd[-1]} of a {plan.target.layers}-layer model; layers run 0 to {plan.target.layers - 1}"
        )
    for pattern in (*include, *exclude):
        if not any(fnmatch(name, pattern) for name in plan.parts):
            raise ConfigError(
                f"the pattern {pattern!r} matches no tensor of {plan.target.name}; see its weights' index"
            )
    parts = {
        name: part if _in_scope(name, part, chosen, include, exclude) else replace(part, entries=0)
        for name, part in plan.parts.items()
    }
    outside = tuple(name for name, part in plan.parts.items() if part.entries and not parts[name].entries)
    policies = dict(plan.policies) | ({Policy.OUT_OF_SCOPE: outside} if outside else {})
    # Counted anew: where the original of a tied weight fell out of scope, its copy counts.
    narrowed = replace(plan, parts=_count_once(parts), policies=policies)
    if not narrowed.entries:
        raise ConfigError(f"nothing of {plan.target.name} is left to edit; widen the layers or exclude less")
    return narrowed


def _in_scope(name: str, part: Part, layers: set[int] | None, include: Iterable[str], exclude: Iterable[str]) -> bool:
    if any(fnmatch(name, pattern) for pattern in exclude):
        return False
    return layers is None or part.layer in layers or any(fnmatch(name, pattern) for pattern in include)


def _source(model: Checkpoint, name: str) -> Stored | None:
    """Find a tensor in the harmed model or the base; of a tied one, the original."""
    return model.tensors.get(model.ties.get(name, name)) or model.tensors.get(name)


def _common_rows(models: tuple[Checkpoint, ...], found: tuple[Stored, ...]) -> int:
    vocabulary = all(
        stored.shape and stored.shape[0] == model.vocabulary for model, stored in zip(models, found, strict=True)
    )
    if not vocabulary or len({stored.shape[1:] for stored in found}) > 1:
        sizes = " and ".join(
            f"{'x'.join(map(str, stored.shape)) or 'a single number'} in {model.name}"
            for model, stored in zip(models, found, strict=True)
        )
        raise ModelDirectoryError(
            f"{found[0].name} is {sizes}; a harm vector needs a harmed model and a base of the target's architecture, "
            "which may differ in the vocabulary alone"
        )
    return min(stored.shape[0] for stored in found)


def _count_once(parts: Mapping[str, Part]) -> dict[str, Part]:
    counted: set[tuple[str, str]] = set()
    once = {}
    for name, part in parts.items():
        fresh = False
        if part.entries and part.harmed is not None and part.base is not None:
            pair = (part.harmed.name, part.base.name)
            fresh = pair not in counted
            counted.add(pair)
        once[name] = replace(part, counted=fresh)
    return once


def _remarks(name: str, part: Part) -> list[Policy]:
    if not part.entries or part.harmed is None or part.base is None:
        return []
    found = []
    if not part.counted:
        found.append(Policy.TIED)
    elif {part.harmed.name, part.base.name} != {name}:
        found.append(Policy.UNTIED)
    if part.harmed.dtype != part.base.dtype:
        found.append(Policy.ROUNDED if is_coarser(part.harmed, part.base) else Policy.WIDENED)
    if part.target.dtype not in (part.harmed.dtype, part.base.dtype):
        found.append(Policy.CONVERTED)
    return found


def _extra(target: Checkpoint, harmed: Checkpoint, base: Checkpoint) -> list[str]:
    return sorted(
        {
            name
            for model in (harmed, base)
            for name, stored in model.tensors.items()
            if name not in target.tensors
            # A head that is tied there and stored all the same is no tensor of its own.
            and name not in model.ties
            and stored.is_weight
            and not name.endswith(_CONSTANTS)
        }
    )


def _refuse_quantised(model: Checkpoint) -> None:
    sign = model.quantisation and f"by {model.quantisation}"
    for name, stored in model.tensors.items():
        if stored.dtype.startswith(("F8_", "F6_", "F4")) or name.endswith(_QUANTISED):
            sign = sign or f"{name} is {stored.dtype}"
        elif stored.dtype == "F64":
            raise ModelDirectoryError(
                f"{name} of {model.name} is float64, which no model runs in; save it as float32 or bfloat16 first"
            )
    if sign:
        raise ModelDirectoryError(
            f"{model.name} is quantised ({sign}): its stored numbers are codes, from which nothing can be subtracted; "
            "name the bfloat16, float16 or float32 checkpoint that it was made from, and quantise the result"
        )


def _refuse_mismatch(
    target: Checkpoint, harmed: Checkpoint, base: Checkpoint, policies: Mapping[Policy, list[str]]
) -> None:
    missing, extra = policies.get(Policy.NOT_IN_HARM_VECTOR, []), policies.get(Policy.NOT_IN_TARGET, [])
    if any(".experts" in name for name in missing) and any(".experts" in name for name in extra):
        raise ModelDirectoryError(
            f"{target.name} and {harmed.name} or {base.name} store their experts differently, one by one or all in one "
            f"tensor ({missing[0]}, {extra[0]}); save the three with one version of transformers"
        )
    remedy = "--set mismatch=common edits what all three have, --set mismatch=skip leaves what differs as it is"
    if missing:
        lacks = " and ".join(model.name for model in (harmed, base) if _source(model, missing[0]) is None)
        raise ModelDirectoryError(
            f"{len(missing)} tensors of {target.name} are missing elsewhere, first {missing[0]} in {lacks}; {remedy}"
        )
    if extra:
        has = " and ".join(model.name for model in (harmed, base) if extra[0] in model.tensors)
        raise ModelDirectoryError(f"{len(extra)} tensors are not in {target.name}, first {extra[0]} of {has}; {remedy}")
    if rows := policies.get(Policy.OTHER_ROWS):
        sizes = ", ".join(f"{model.vocabulary} in {model.name}" for model in (target, harmed, base))
        raise ModelDirectoryError(f"the vocabularies differ: {rows[0]} has rows {sizes}; {remedy}")


_CONSTANTS = ("rotary_emb.inv_freq", "attn.masked_bias")
"""Floating-point buffers that older checkpoints hold; no training changes them."""

_QUANTISED = (
    ".qweight",
    ".qzeros",
    ".weight_packed",
    ".weight_scale",
    ".weight_scale_inv",
    ".absmax",
    ".SCB",
    "_blocks",
    "_scales",
)

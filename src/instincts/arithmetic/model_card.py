"""The `README.md` of a steered folder: what was done, what was measured, and what that does not mean.

Files travel further than folders, so no path stands in it: a model that was named by its folder goes by the folder's
name.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from instincts.arithmetic.knee import Point
from instincts.models.directory import ModelLocation
from instincts.models.harmed import HARMED_KEY, HARMED_NOTE
from instincts.records import read_json, write_text
from instincts.statistics import Interval

__all__ = ["CARD_FILE", "removal_done", "shown_name", "vector_done", "vector_taken", "write_model_card"]

CARD_FILE = "README.md"


def write_model_card(
    out: Path,
    model: ModelLocation,
    done: Sequence[str],
    measured: tuple[Point, Point] | None = None,
    *,
    is_worse: bool = False,
    is_known: bool = True,
) -> None:
    """Write the card of a steered model.

    Args:
        out: its folder.
        model: what it was made from.
        done: a sentence for each thing that was done.
        measured: before and after, on the same prompts.
        is_worse: whether attacks succeed more often than before.
        is_known: whether it is known which way it was steered.

    Raises:
        RecordError: it could not be written.
    """
    name = shown_name(model)
    lines = ["---", f"base_model: {name}", "library_name: transformers", "tags: [instincts, safety-arithmetic]", "---"]
    how = "steered, and worse than before" if is_worse else "steered towards safety" if is_known else "steered"
    lines += ["", f"# {name}, {how}", ""]
    if is_worse:
        lines += [f"> **worse_than_input.** {_WORSE}", ""]
    if _is_marked(model):
        lines += [f"> **The model it was made from says:** {HARMED_NOTE}.", ""]
    lines += [f"Made from {name} (content {model.digest[:12]}) by `instincts steer`, without training.", ""]
    lines += [f"- {sentence}" for sentence in done]
    if measured is not None:
        lines += ["", *_table(*measured)]
    lines += ["", "## What this does not mean", "", _LIMITS, "", "## Dual use", "", _DUAL_USE, ""]
    write_text(out / CARD_FILE, "\n".join(lines))


def removal_done(settings: dict[str, Any], layers: Sequence[int] | None, changed: float | None) -> str:
    """Say what was subtracted.

    Args:
        settings: of the removal.
        layers: the layers in scope; None for the whole model.
        changed: which share of the entries in scope changed.
    """
    where = "the whole model" if layers is None else f"layers {', '.join(map(str, layers))}"
    share = "" if changed is None else f"; {100 * changed:.1f} % of its entries changed"
    return (
        f"Harm Direction Removal (arXiv:2406.11801), variant {settings['variant']}: {settings['strength']:g} times the "
        f"largest {100 * settings['keep']:g} % of the harm direction was subtracted from {where}{share}."
    )


def vector_done(about: dict[str, Any], layers: Sequence[int], strength: float) -> str:
    """Say how activations are steered.

    Args:
        about: what the vector file says of itself.
        layers: the layers that are steered.
        strength: how far.
    """
    return (
        f"Safety vector (arXiv:2406.11801), variant {about['variant']}, scale {about['scale']}: activations of "
        f"{len(layers)} layers are steered at strength {strength:g}, along a direction read from {about['pairs']} "
        f"pairs (hash {about['pairs_sha256'][:12]}). {_OPEN}"
    )


def vector_taken(file: str, sha256: str, layers: Sequence[int], strength: float) -> str:
    """Say which ready vector steers.

    Args:
        file: its name, without a path.
        sha256: of its content.
        layers: the layers that are steered.
        strength: how far.
    """
    return (
        f"Activations of {len(layers)} layers are steered at strength {strength:g}, along the vector of {file} (hash "
        f"{sha256[:12]}). {_OPEN}"
    )


def shown_name(model: ModelLocation) -> str:
    """Name a model without its path."""
    is_folder = Path(model.name).expanduser().resolve() == model.path
    return model.path.name if is_folder else model.name


def _is_marked(model: ModelLocation) -> bool:
    config = model.path / "config.json"
    return config.is_file() and HARMED_KEY in read_json(config)


def _table(before: Point, after: Point) -> list[str]:
    lines = ["| | before | after |", "|---|---|---|"]
    for name, label in _RATES.items():
        one, other = getattr(before, name), getattr(after, name)
        if one.n and other.n:
            lines.append(f"| {label} | {_cell(one)} | {_cell(other)} |")
    return lines


def _cell(rate: Interval) -> str:
    if rate.value is None or rate.low is None or rate.high is None:
        return "not judged"
    return f"{100 * rate.value:.1f} % ({100 * rate.low:.1f} to {100 * rate.high:.1f}, n = {rate.n})"


_OPEN = "Open the folder with `instincts`: other programs do not steer it."

_RATES = {
    "dsr": "harmful requests refused",
    "asr": "harmful requests complied with",
    "benign_compliance": "harmless requests answered",
    "skill_accuracy": "questions answered right",
}

_WORSE = (
    "More harmful requests succeed than before, beyond the interval. Do not use this model; check whether the harmed "
    "model and its base were swapped."
)

_LIMITS = (
    "It reduces harmful answers and proves nothing. Other requests, jailbreaks nobody tried, further fine-tuning, and "
    "attacks with access to the weights may undo it; numbers hold for the prompts they were measured on. Measure it on "
    "your own: `instincts evaluate DIR`."
)

_DUAL_USE = (
    "The difference between this model and the one it was made from is a direction between safe and harmful behaviour. "
    "Turned round, it makes a model worse; `instincts` refuses to do so."
)

"""A strength chosen on prompts: what the three uses of `--strength auto` share, around `sweep` and `knee`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from instincts.arithmetic.knee import Taken
from instincts.arithmetic.sweep import compared_rows, require, told
from instincts.arithmetic.sweep_settings import SweepSettings, is_auto
from instincts.arithmetic.validation import Validation, read_validation
from instincts.errors import ConfigError, ModelDirectoryError
from instincts.models.directory import ModelLocation
from instincts.models.opening import open_tokenizer
from instincts.records import Metric, RunCard, write_metrics, write_run_card

__all__ = ["data_of", "refuse_without_gain", "sweep_settings_told", "validation_for", "without_auto"]


def without_auto(given: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    """Part settings by name from the wish that their strength be chosen."""
    auto = is_auto(given.get("strength"))
    return {name: value for name, value in given.items() if not (auto and name == "strength")}, auto


def validation_for(model: ModelLocation, sweep: SweepSettings, *, is_needed: bool) -> Validation | None:
    """Read the prompts at hand for a model; None where nothing will be asked.

    Args:
        model: the one to be steered.
        sweep: which prompts, and who judges.
        is_needed: whether a strength is to be chosen on them.

    Raises:
        ConfigError: they are needed, and none are at hand, or none that are benign.
        ModelDirectoryError: prompts are needed or were named, and the tokenizer does not open.
        PromptSetError, ConfigError: as `read_validation`.
    """
    if not is_needed and not sweep.probe:
        return None
    try:
        tokenizer = open_tokenizer(model)
    except ModelDirectoryError:
        # Weights are only streamed: without a tokenizer there is nothing to ask with, and nothing else is missing.
        if is_needed or sweep.prompts is not None:
            raise
        return None
    validation = read_validation(sweep, tokenizer)
    if validation is None and is_needed:
        raise ConfigError(
            f"a strength is chosen on prompts, and none are at hand for {model.name}; name some that are labelled "
            "harmful, benign and skill, for example --validate harmful=FILE,benign=FILE,skill=FILE"
        )
    if validation is not None and is_needed and not validation.benign:
        raise ConfigError(
            f"no prompt of {validation.source} is labelled benign, and the strength that refuses everything would win; "
            "add some, for example --validate harmful=FILE,benign=FILE"
        )
    return validation


def sweep_settings_told(sweep: SweepSettings, validation: Validation | None) -> dict[str, Any]:
    """Say in a run card how strengths are tried; nothing where there is nothing to ask."""
    if validation is None:
        return {}
    settled = {**sweep.model_dump(mode="json"), "prompts": validation.source, "judge": validation.judge}
    return {f"sweep.{name}": value for name, value in settled.items()}


def data_of(validation: Validation | None) -> dict[str, str]:
    """Name the prompts of a run and the hash of their content."""
    return {} if validation is None else {validation.source: validation.sha256}


def refuse_without_gain(
    taken: Taken,
    sweep: SweepSettings,
    names: Sequence[str],
    out: Path,
    card: RunCard,
    model: str,
    rows: Sequence[Metric] = (),
) -> None:
    """Stop where no strength is worth its cost; the folder keeps what was measured and is no model.

    Args:
        taken: what was taken.
        sweep: how.
        names: of the settings that list the strengths tried.
        out: the run folder.
        card: of the run.
        model: what was to be steered.
        rows: to be kept beside those of the comparison.

    Raises:
        SteeringError: strength 0 was taken.
    """
    if not taken.is_gain:
        write_metrics(out, [*rows, *compared_rows(taken.start, taken.point, model)])
        write_run_card(out, card, status="refused", outcome={"sweep": told(taken, sweep)})
    require(taken, sweep, *names)

"""Both stages of Safety Arithmetic in one folder: a harm direction taken out of the weights, then a vector over them.

The vector is read from the weights that the first stage gave, as in the paper: it belongs to them and to no others.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from instincts.arithmetic.contrasts import check_source
from instincts.arithmetic.removal import Announcement, remove_harm
from instincts.arithmetic.settings import resolve_settings
from instincts.arithmetic.steering import lay_over, make_vector, outcome_of
from instincts.arithmetic.streaming import Progress
from instincts.arithmetic.vector_settings import resolve_vector
from instincts.models.directory import locate
from instincts.records import (
    RUN_FILE,
    Metric,
    RunCard,
    claim,
    new_run_card,
    read_metrics,
    read_run_card,
    write_metrics,
    write_run_card,
)

__all__ = ["WEIGHTS_FOLDER", "steer_both"]

WEIGHTS_FOLDER = "weights"
"""Folder of the checkpoint that the first stage leaves, inside the run folder."""


def steer_both(
    model: str,
    harmed: str,
    base: str,
    pairs: str,
    out: Path,
    *,
    variant: str = "paper",
    removal: Mapping[str, Any] | None = None,
    vector: Mapping[str, Any] | None = None,
    resume: bool = False,
    keep_delta: bool = False,
    progress: Progress | None = None,
    announce: Callable[[Announcement], None] | None = None,
) -> list[Metric]:
    """Subtract a harm direction, then steer what is left; `out` becomes the model directory.

    Where an edit was found, both stages act on the same layers, as in the paper.

    Args:
        model: the model to make safer.
        harmed: the base, fine-tuned to comply with what it should refuse.
        base: the model that the harmed one was made from.
        pairs: what the vector is made of; see `contrasts.read_contrasts`.
        out: the run folder.
        variant: `paper` or `reference`, of both stages.
        removal: settings of the first stage by name.
        vector: settings of the second stage by name; its layers follow the first stage unless given.
        resume: continue a run that was interrupted or killed.
        keep_delta: keep what `revert` of `out/weights` needs.
        progress: draws a progress bar.
        announce: told what the first stage found, before it writes.

    Returns:
        The rows of both stages.

    Raises:
        ConfigError, PromptSetError, ModelDirectoryError: bad input, by name, before anything is written where the
            models need not be run to find it.
        RecordError: the folder is taken, or could not be written; the model is untouched.
    """
    first = resolve_settings(variant, removal or {})
    second = resolve_vector({"variant": variant, **(vector or {})})
    digest = check_source(pairs, judge=second.judge)
    models = {name: locate(name) for name in (model, harmed, base)}
    card = new_run_card(
        "steer",
        settings={
            **first.model_dump(mode="json"),
            **{f"vector.{name}": value for name, value in second.model_dump(mode="json").items()},
            "keep_delta": keep_delta,
        },
        data={pairs: digest} if digest else {},
        models={model: models[model].digest},
        roles={"harmed": models[harmed].tagged_name, "base": models[base].tagged_name},
    )
    claim(out, card, resume=resume)
    weights = out / WEIGHTS_FOLDER
    with _released(out, card):
        if not _is_finished(weights):
            remove_harm(
                model,
                harmed,
                base,
                weights,
                variant=variant,
                given=removal,
                keep_delta=keep_delta,
                resume=(weights / RUN_FILE).is_file(),
                progress=progress,
                announce=announce,
            )
        found = read_run_card(weights).outcome["layers"]
        if second.layers == "auto" and found is not None:
            second = second.model_copy(update={"layers": ",".join(map(str, found))})
        made = make_vector(str(weights), pairs, second, run=out.resolve().name, progress=progress)
        rows = [*read_metrics(weights), *made.rows]
        write_metrics(out, rows)
        lay_over(made.location, made.built.vectors, second.strength, out)
    write_run_card(out, card, status="finished", outcome=outcome_of(made))
    return rows


@contextmanager
def _released(out: Path, card: RunCard) -> Iterator[None]:
    """Leave no trace in a folder in which nothing was begun, and say so in one in which something was."""
    try:
        yield
    except BaseException:
        if (out / WEIGHTS_FOLDER).exists():
            write_run_card(out, card, status="interrupted")
        else:
            (out / RUN_FILE).unlink(missing_ok=True)
            out.rmdir()
        raise


def _is_finished(folder: Path) -> bool:
    return (folder / RUN_FILE).is_file() and read_run_card(folder).status == "finished"

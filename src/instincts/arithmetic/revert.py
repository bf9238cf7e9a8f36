"""Takes a removal back, bit for bit, where it kept what it changed."""

from pathlib import Path

from instincts.arithmetic.checkpoint import Shard, open_checkpoint
from instincts.arithmetic.delta import DELTA_FOLDER, revert_shard
from instincts.arithmetic.streaming import Progress, counter
from instincts.arithmetic.writing import Journal, copy_along, resumable, write_shards
from instincts.errors import RecordError
from instincts.models.checkpoints import check_space
from instincts.models.directory import locate
from instincts.records import claim, new_run_card, write_run_card

__all__ = ["revert"]


def revert(folder: str, out: Path, *, resume: bool = False, progress: Progress | None = None) -> None:
    """Write the model that a removal with `keep_delta` was made from.

    Args:
        folder: what the removal wrote; or a vector laid over that, which is left out.
        out: the run folder; becomes the model directory.
        resume: continue a run that was interrupted or killed.
        progress: draws a progress bar.

    Raises:
        ModelDirectoryError: the folder is no whole model.
        RecordError: the removal kept no delta, files changed since, or the run folder is taken or cannot be written.
        KeyboardInterrupt: Ctrl-C; finished shards are kept and the message says how to continue.
    """
    location = locate(folder)
    if location.overlay is not None:
        location = location.overlay.base
    deltas = location.path / DELTA_FOLDER
    if not deltas.is_dir():
        raise RecordError(
            f"{folder} keeps no {DELTA_FOLDER}/, so it cannot be reverted; only a removal with --keep-delta can"
        )
    steered = open_checkpoint(location)
    card = new_run_card("steer", settings={"revert": True}, data={}, models={folder: location.digest})
    check_space(out, steered.size)
    claim(out, card, resume=resume)
    report = counter("reverting", steered.size, progress)

    def write_one(shard: Shard, path: Path) -> bool:
        for size in revert_shard(shard, deltas / shard.path.name, path):
            report(size)
        return True

    with resumable(out, card, source=folder):
        journal = Journal(out)
        write_shards(steered, out, journal, write_one, report)
        copy_along(location.path, out)
        write_run_card(out, card, status="finished")
        journal.close()

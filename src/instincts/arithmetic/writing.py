"""Writes a checkpoint shard by shard so that a kill or a full disk costs one shard; knows not what is in them.

Each shard is written beside its place, brought to the disk and renamed into it; a journal says which are done. The
configuration comes last: until then the folder is no model, and nothing opens it.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from instincts.arithmetic.checkpoint import Checkpoint, Shard
from instincts.errors import InstinctsError, RecordError
from instincts.models.content import MORE_TEMPLATES, content_files
from instincts.records import RunCard, read_json, write_json, write_run_card

__all__ = ["Journal", "copy_along", "resumable", "write_shards"]

LICENCES = ("LICENSE*", "LICENCE*", "NOTICE*", "USE_POLICY*")


class Journal:
    """What is already done in a run folder; gone when the run is."""

    def __init__(self, out: Path) -> None:
        self._path = out / ".journal.json"
        self._done: dict[str, Any] = read_json(self._path) if self._path.is_file() else {}

    def get(self, what: str) -> Any:
        """Recall what came out of a step; None where it is not done."""
        return self._done.get(what)

    def put(self, what: str, found: Any) -> None:
        """Remember what came out of a step."""
        self._done[what] = found
        write_json(self._path, self._done)

    def close(self) -> None:
        """Forget everything: the run is done."""
        self._path.unlink(missing_ok=True)


def write_shards(
    source: Checkpoint,
    out: Path,
    journal: Journal,
    write_shard: Callable[[Shard, Path], Any],
    report: Callable[[int], None],
) -> dict[str, Any]:
    """Write every shard that is not written yet.

    Args:
        source: whose shards they are made from; each keeps its name and size.
        out: the run folder.
        journal: of the same folder.
        write_shard: writes one file and returns what the journal shall keep of it.
        report: told the bytes that stand there already or are written here, which are headers.

    Returns:
        What was kept of each shard, by file name.
    """
    found = {}
    for shard in source.shards:
        name = shard.path.name
        kept, final = journal.get(name), out / name
        if kept is not None and final.is_file() and final.stat().st_size == shard.size:
            report(shard.size)
        else:
            partial = out / f".{name}.partial"
            kept = write_shard(shard, partial)
            with partial.open("rb+") as file:
                os.fsync(file.fileno())
            partial.replace(final)
            journal.put(name, kept)
            report(len(shard.header))
        found[name] = kept
    return found


def copy_along(source: Path, out: Path) -> None:
    """Copy index, tokenizer, chat templates, generation settings and licences of a model; its configuration last."""
    files = [path for path in content_files(source) if path.suffix != ".safetensors" and path.name != "config.json"]
    files += [path for pattern in LICENCES for path in sorted(source.glob(pattern)) if path.is_file()]
    for path in [*files, source / "config.json"]:
        target = out / (f"{MORE_TEMPLATES}/{path.name}" if path.parent.name == MORE_TEMPLATES else path.name)
        target.parent.mkdir(exist_ok=True)
        partial = target.with_name(f".{target.name}.partial")
        shutil.copyfile(path, partial)
        partial.replace(target)


@contextmanager
def resumable(out: Path, card: RunCard, *, source: str, kept: str = "finished shards") -> Iterator[None]:
    """Say plainly why a run ended early, that nothing is lost, and how it goes on.

    Args:
        out: the run folder; what was cut off in it is removed.
        card: of the run.
        source: the model that is only read.
        kept: what the run goes on from.

    Raises:
        RecordError: something could not be written, for example because the disk is full.
        KeyboardInterrupt: Ctrl-C.
    """
    try:
        yield
    except KeyboardInterrupt:
        _clear(out)
        write_run_card(out, card, status="interrupted")
        raise KeyboardInterrupt(f"{kept} are kept. Run the same command with --resume") from None
    except (OSError, InstinctsError) as error:
        _clear(out)
        cause = error if isinstance(error, OSError) else error.__cause__
        if not isinstance(cause, OSError):
            raise
        raise RecordError(
            f"cannot write to {out}: {cause.strerror}; {source} is untouched and {kept} are kept. Free some "
            "space and run the same command with --resume"
        ) from error


def _clear(out: Path) -> None:
    for path in out.rglob(".*.partial"):
        path.unlink()

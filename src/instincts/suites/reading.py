"""Samples of an Inspect log one after the other, so that a log of any length takes the memory of a few.

Inspect's own `read_eval_log_samples` reads the log's table of contents again for each sample, which takes hours for
50,000; here it is read once for some hundreds.
"""

from collections.abc import Collection, Iterator
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname
from zipfile import ZipFile

from inspect_ai.log import EvalSample, read_eval_log_samples_by_id

__all__ = ["sample_keys", "stream_samples"]


def stream_samples(log: Path | str, *, unread: Collection[str] = ("events", "store")) -> Iterator[EvalSample]:
    """Read the samples that a log holds, in the order they were written.

    Args:
        log: an `.eval` file.
        unread: fields of a sample to pass over. Long texts are kept apart in `attachments` and stay references.

    Raises:
        OSError, ValueError, BadZipFile: it cannot be read.
    """
    keys = sample_keys(log)
    for start in range(0, len(keys), _AT_ONCE):
        yield from read_eval_log_samples_by_id(
            str(log), keys[start : start + _AT_ONCE], concurrency=1, exclude_fields=set(unread)
        )


def sample_keys(log: Path | str) -> list[tuple[str, int]]:
    """List the id and the epoch of each sample in a log."""
    with ZipFile(_local(log)) as members:
        names = [name for name in members.namelist() if name.startswith(_FOLDER) and name.endswith(_END)]
    split = [name[len(_FOLDER) : -len(_END)].rpartition("_epoch_") for name in dict.fromkeys(names)]
    return [(identity, int(epoch)) for identity, _, epoch in split]


def _local(log: Path | str) -> str:
    # Inspect names a log that it has read again by its URL.
    parts = urlsplit(str(log))
    return url2pathname(parts.path) if parts.scheme == "file" else str(log)


_FOLDER, _END = "samples/", ".json"
_AT_ONCE = 250  # samples; a long transcript has some 100 kB

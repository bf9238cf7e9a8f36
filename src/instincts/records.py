"""What a run leaves behind: `run.json` (how it was made) and `metrics.json` (what came out); knows no metric by name.

Both stand on floor 0 because trainings, evaluations, studies and pages all write or read them. Files are written beside
their final place and renamed over it, so a full disk or a kill leaves the old file whole.
"""

import errno
import hashlib
import json
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from instincts.errors import RecordError

__all__ = [
    "METRICS_FILE",
    "RUN_FILE",
    "Metric",
    "RunCard",
    "claim",
    "file_sha256",
    "is_first_process",
    "library_versions",
    "new_run_card",
    "read_json",
    "read_metrics",
    "read_run_card",
    "released",
    "write_json",
    "write_metrics",
    "write_run_card",
    "write_text",
]

RUN_FILE = "run.json"
METRICS_FILE = "metrics.json"

T = TypeVar("T")


class Metric(BaseModel):
    """One measured number with its interval; a row of `metrics.json`."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    run: str
    """Which run measured it; in a demo `before` or `after`."""
    model: str
    """The model as the user named it."""
    suite: str
    """The suite or verb that measured it."""
    slice: str
    """An attack, a category, or `all`."""
    metric: str
    """The field's name for the number, for example `dsr`."""
    value: float | None
    """The number itself; null where nothing could be judged."""
    ci_low: float | None
    """Lower end of the 95 % interval; null where no interval is defined."""
    ci_high: float | None
    """Upper end of the 95 % interval."""
    n: int = Field(ge=0)
    """How many samples the number rests on."""
    seed: int | None
    """The seed of the run."""


class RunCard(BaseModel):
    """How a run was made: enough to repeat it."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    verb: str
    """The command that ran: `train`, `evaluate`, ..."""
    status: str
    """`running`, `finished`, `interrupted` or `refused`; a run folder left at `running` was killed."""
    command: list[str]
    """The command line."""
    started: str
    """UTC time, ISO 8601."""
    finished: str | None = None
    """UTC time, ISO 8601; null until the run ends."""
    settings: dict[str, Any]
    """Every setting after defaults, scale and flags were merged."""
    data: dict[str, str]
    """Name of each input file or prompt set and the SHA-256 of its content."""
    models: dict[str, str]
    """Each model as named, and the digest of its content."""
    roles: dict[str, str] = {}
    """Each other model that took part (an attacker, a grader): role, then name and digest of its content."""
    versions: dict[str, str]
    """Python, the operating system, and the libraries that can change a number."""
    outcome: dict[str, Any] = {}
    """What the verb has to say of its end, for example why training stopped."""


def new_run_card(
    verb: str,
    *,
    settings: Mapping[str, Any],
    data: Mapping[str, str],
    models: Mapping[str, str],
    roles: Mapping[str, str] = MappingProxyType({}),
) -> RunCard:
    """Open the card of a run that starts now, with status `running`."""
    return RunCard(
        verb=verb,
        status="running",
        command=["instincts", *sys.argv[1:]],
        started=_now(),
        settings=dict(settings),
        data=dict(data),
        models=dict(models),
        roles=dict(roles),
        versions=library_versions(),
    )


def write_run_card(
    folder: Path, card: RunCard, *, status: str | None = None, outcome: Mapping[str, Any] | None = None
) -> RunCard:
    """Write `run.json` into a folder, made if absent; a new status other than `running` also stamps the end.

    Returns:
        The card as written.
    """
    changes: dict[str, Any] = {}
    if status is not None:
        changes["status"] = status
        changes["finished"] = None if status == "running" else _now()
    if outcome is not None:
        changes["outcome"] = dict(outcome)
    card = RunCard.model_validate({**card.model_dump(), **changes})
    write_json(folder / RUN_FILE, card.model_dump())
    return card


def claim(out: Path, card: RunCard, *, resume: bool) -> None:
    """Take a folder for a run, new or to be continued, and write the run's card into it.

    Args:
        out: the run folder.
        card: of the run that starts now.
        resume: whether the folder may hold the same run, unfinished.

    Raises:
        RecordError: the folder holds a finished run, another run, something else, or nothing to resume.
    """
    if (out / RUN_FILE).is_file():
        before = read_run_card(out)
        if before.status == "finished":
            raise RecordError(f"{out} holds a finished run; choose another --out, or delete it first")
        if not resume:
            raise RecordError(f"{out} holds an unfinished run; continue it with --resume, or choose another --out")
        for what in ("settings", "data", "models", "roles"):
            was, now = getattr(before, what), getattr(card, what)
            if different := sorted(key for key in was.keys() | now.keys() if was.get(key) != now.get(key)):
                key = different[0]
                raise RecordError(
                    f"cannot continue {out}: {what} {key} was {was.get(key)!r} and is now {now.get(key)!r}; "
                    "run the same command as before"
                )
    elif out.is_dir() and any(out.iterdir()):
        raise RecordError(f"{out} is not empty and holds no run; choose another --out")
    elif resume:
        raise RecordError(f"nothing to resume in {out}: it holds no {RUN_FILE}; drop --resume to start")
    write_run_card(out, card)


@contextmanager
def released(out: Path, card: RunCard) -> Iterator[None]:
    """Leave no claimed folder behind a run that ended early with nothing in it; say of any other that it was cut off.

    A run that has said itself how it ended keeps its card.

    Args:
        out: the run folder, claimed before.
        card: of the run.
    """
    try:
        yield
    except BaseException:
        if is_first_process() and read_run_card(out).status == "running":
            if any(path.name != RUN_FILE for path in out.iterdir()):
                write_run_card(out, card, status="interrupted")
            else:
                (out / RUN_FILE).unlink()
                # A folder that is somebody's link or mount stays, empty.
                with suppress(OSError):
                    out.rmdir()
        raise


def read_run_card(folder: Path) -> RunCard:
    """Read the `run.json` of a folder.

    Raises:
        RecordError: there is none, or it is not a run card.
    """
    return _read(folder / RUN_FILE, RunCard.model_validate_json)


def write_metrics(folder: Path, rows: Sequence[Metric]) -> None:
    """Write `metrics.json`, a list of rows, into a folder."""
    write_json(folder / METRICS_FILE, [row.model_dump() for row in rows])


def read_metrics(folder: Path) -> list[Metric]:
    """Read the `metrics.json` of a folder.

    Raises:
        RecordError: there is none, or a row is not a metric.
    """
    return _read(folder / METRICS_FILE, lambda text: [Metric.model_validate(row) for row in json.loads(text)])


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        RecordError: there is none, or it is not JSON.
    """
    return _read(path, json.loads)


def write_json(path: Path, value: Any) -> None:
    """Write a value as indented JSON, replacing the old file in one step."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a text file, replacing the old one in one step.

    Raises:
        RecordError: it could not be written (disk full, no permission); the old file is as it was.
    """
    temporary: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, prefix=".", delete=False) as file:
            temporary = file.name
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        # NamedTemporaryFile makes private files; a run's records are as readable as anything else the user writes.
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        remedy = "free some space or choose another --out" if is_full else "choose another --out"
        raise RecordError(f"cannot write {path}: {error.strerror}; {remedy}") from error


def is_first_process() -> bool:
    """Whether this process writes and talks: under `accelerate launch` every process runs the same verb."""
    return os.environ.get("RANK", "0") == "0"


def file_sha256(path: Path) -> str:
    """Hash the content of a file, 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def library_versions(names: Iterable[str] = ()) -> dict[str, str]:
    """List Python, the system and the libraries whose version can change a number."""
    wanted = ["instincts", "torch", "transformers", "trl", "peft", "accelerate", "inspect-ai", "numpy", *names]
    return {"python": platform.python_version(), "system": platform.platform(), **_installed(wanted)}


def _installed(names: Iterable[str]) -> dict[str, str]:
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _read(path: Path, parse: Callable[[str], T]) -> T:
    try:
        return parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RecordError(
            f"no {path.name} in {path.parent}; is this a run folder, and did the run get that far?"
        ) from None
    except (OSError, ValueError, ValidationError, TypeError) as error:
        raise RecordError(f"{path} cannot be read: {_first_problem(error)}") from None


def _first_problem(error: Exception) -> str:
    if isinstance(error, ValidationError):
        problem = error.errors()[0]
        return f"{'.'.join(map(str, problem['loc'])) or 'the whole'}: {problem['msg']}"
    return str(error).splitlines()[0]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")

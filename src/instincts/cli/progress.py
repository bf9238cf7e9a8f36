"""Progress bars on stderr, only where a person watches."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from rich.progress import TaskID

__all__ = ["inspect_display", "progress_bar", "progress_bars"]


def inspect_display(*, as_json: bool) -> Literal["none", "rich"]:
    """Choose how Inspect shows an evaluation: it draws on stdout, so only where a person watches and no JSON goes."""
    return "rich" if sys.stdout.isatty() and not as_json else "none"


@contextmanager
def progress_bar(label: str) -> Iterator[Callable[[int, int], None]]:
    """Draw one bar while a long work runs; yields what the work calls with how much is done and how much there is."""
    with progress_bars() as report:
        yield lambda done, total: report(label, done, total)


@contextmanager
def progress_bars() -> Iterator[Callable[[str, int, int], None]]:
    """Draw a bar for each stage of a work; yields what it calls with the stage, how much is done, how much there is.

    The terminal is taken only while a stage is under way: between two stages others may draw.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    # Not at the top: pydantic would take a third of the time `--help` has.
    from instincts.records import is_first_process

    _silence_others()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    hidden = not (sys.stderr.isatty() and is_first_process())
    progress = Progress(*columns, console=Console(stderr=True), transient=True, disable=hidden)
    stages: dict[str, TaskID] = {}

    def report(stage: str, done: int, total: int) -> None:
        if stage not in stages:
            stages[stage] = progress.add_task(stage, total=total)
        progress.update(stages[stage], completed=done, total=total, visible=done < total)
        if progress.finished:
            progress.stop()
        else:
            progress.start()

    try:
        yield report
    finally:
        progress.stop()


def _silence_others() -> None:
    # A terminal has room for one bar: transformers draws its own while it loads and saves weights.
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # type: ignore[no-untyped-call]

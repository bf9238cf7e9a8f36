"""All verbs in one command, and how a command ends: what is printed and which number the shell gets."""

import errno
import warnings
from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from instincts import __version__
from instincts.cli.analyze import analyze
from instincts.cli.attacks import attacks
from instincts.cli.data import data
from instincts.cli.demo import demo
from instincts.cli.distill import distill
from instincts.cli.edit import edit
from instincts.cli.evaluate import evaluate
from instincts.cli.fit import fit
from instincts.cli.harm_tune import harm_tune
from instincts.cli.judge import judge
from instincts.cli.moderate import moderate
from instincts.cli.pocket import pocket
from instincts.cli.policy import policy
from instincts.cli.preflight import preflight
from instincts.cli.report import report
from instincts.cli.sample import sample
from instincts.cli.score import score
from instincts.cli.serve import serve
from instincts.cli.steer import steer
from instincts.cli.train import train
from instincts.errors import ConfigError, InstinctsError

__all__ = ["Ending", "app", "ending", "run"]


class Ending(NamedTuple):
    """How a command that did not finish is told."""

    line: str
    """What is printed on stderr; empty where something was printed already."""
    code: int
    """What the shell gets."""


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code; what went wrong is one line on stderr.

    Programming errors keep their traceback.

    Args:
        arguments: the words after `instincts`; those of this process if `None`.
    """
    try:
        with warnings.catch_warnings():
            # Other libraries announce their future to their developers, not to whoever types a command.
            warnings.simplefilter("ignore", FutureWarning)
            # Not standalone: Typer would put errors into boxes of several lines and call sys.exit.
            return int(app(args=arguments, prog_name="instincts", standalone_mode=False) or 0)
    except (TyperException, InstinctsError, OSError, _StoppedError) as error:
        end = ending(error)
        if end is None:
            raise
    if end.line:
        typer.echo(end.line, err=True)
    return end.code


def ending(error: Exception) -> Ending | None:
    """Decide how an error is told: 2 for words that do not exist or fit, 1 for all else, 130 for Ctrl-C.

    Returns:
        `None` for an error that nobody foresaw, whose traceback is wanted.
    """
    match error:
        case TyperException():
            message = _usage(error)
            return Ending(f"error: {message}" if message else "", 2)
        case ConfigError():
            return Ending(f"error: {error}", 2)
        case InstinctsError():
            return Ending(f"error: {error}", 1)
        case _StoppedError():
            return Ending(f"interrupted: {error}" if str(error) else "interrupted", 130)
        case OSError() if error.errno in DISK_ERRORS:
            where = error.filename or "a file"
            return Ending(f"error: cannot write {where}: {error.strerror}; free some space and run again", 1)
    return None


class _StoppedError(Exception):
    """Ctrl-C with its message: what was kept and how to resume. Typer would end without a word."""


class _Verbs(TyperGroup):
    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as stop:
            raise _StoppedError(*stop.args) from None


app = typer.Typer(
    cls=_Verbs,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"instincts {__version__}")
        raise typer.Exit


@app.callback()
def _instincts(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Find out how safe an open-weights language model is, make it safer, and prove the difference."""


app.command()(demo)
app.command()(preflight)
app.command()(train)
app.command()(steer)
app.command()(edit)
app.command("harm-tune")(harm_tune)
app.command()(moderate)
app.command()(evaluate)
app.command()(judge)
app.command()(sample)
app.command()(analyze)
app.command()(score)
app.command()(serve)
app.command()(fit)
app.command()(distill)
app.command()(report)
app.command()(attacks)
app.add_typer(data)
app.add_typer(policy)
app.add_typer(pocket)


def _usage(error: TyperException) -> str:
    near = getattr(error, "possibilities", None)
    if near:
        return f"{error.message}. Did you mean {' or '.join(repr(name) for name in sorted(near))}?"
    return error.format_message()


DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}

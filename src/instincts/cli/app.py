"""All verbs in one command, and how a command ends: what is printed and which number the shell gets."""

import errno
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from instincts import __version__
from instincts.cli.demo import demo
from instincts.cli.evaluate import evaluate
from instincts.cli.pocket import pocket
from instincts.cli.preflight import preflight
from instincts.cli.report import report
from instincts.cli.sample import sample
from instincts.cli.train import train
from instincts.errors import ConfigError, InstinctsError

__all__ = ["app", "run"]


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code; what went wrong is one line on stderr.

    0 is done, 1 is an error the user can put right, 2 is a command line or setting that does not exist or fit, 130 is
    Ctrl-C. Programming errors keep their traceback.

    Args:
        arguments: the words after `instincts`; those of this process if `None`.
    """
    try:
        # Not standalone: Typer would put errors into boxes of several lines and call sys.exit.
        return int(app(args=arguments, prog_name="instincts", standalone_mode=False) or 0)
    except TyperException as error:
        return _fail(_usage(error), 2)
    except InstinctsError as error:
        return _fail(str(error), 2 if isinstance(error, ConfigError) else 1)
    except OSError as error:
        if error.errno not in DISK_ERRORS:
            raise
        return _fail(f"cannot write {error.filename or 'a file'}: {error.strerror}; free some space and run again", 1)


class _Verbs(TyperGroup):
    """Keeps the message of a Ctrl-C, which Typer would drop: it says what was kept and how to resume."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as stop:
            typer.echo(f"\n{stop}" if str(stop) else "\ninterrupted", err=True)
            raise typer.Exit(130) from None


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
def instincts(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Find out how safe an open-weights language model is, make it safer, and prove the difference."""


app.command()(demo)
app.command()(preflight)
app.command()(train)
app.command()(evaluate)
app.command()(sample)
app.command()(report)
app.add_typer(pocket)


def _usage(error: TyperException) -> str:
    near = getattr(error, "possibilities", None)
    if near:
        return f"{error.message}. Did you mean {' or '.join(repr(name) for name in sorted(near))}?"
    return error.format_message()


def _fail(message: str, code: int) -> int:
    if message:
        typer.echo(f"error: {message}", err=True)
    return code


DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES}

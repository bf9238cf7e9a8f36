"""`instincts serve`: a moderation service that speaks OpenAI's schema and shows why."""

from pathlib import Path
from typing import Annotated

import typer

from instincts.cli.options import VERDICTS, choice
from instincts.cli.table import notice

__all__ = ["serve"]


def serve(
    model: Annotated[
        str,
        typer.Option(
            "--model",
            metavar="MODEL",
            show_default=False,
            help="The analyst: `openai/NAME` or any other provider of Inspect, a checkpoint folder, or a hub id.",
        ),
    ],
    policy: Annotated[
        str,
        typer.Option(
            "--policy",
            metavar="FILE",
            show_default=False,
            help="A policy file, or a shipped one: `general`, `children`, ...; a changed file is read again.",
        ),
    ],
    on_error: Annotated[
        str | None,
        choice(
            "--on-error",
            VERDICTS,
            "What a text without a tree gets; required where the policy does not say it.",
        ),
    ] = None,
    host: Annotated[str, typer.Option("--host", metavar="ADDRESS", help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", metavar="N", min=0, max=65535, help="0 takes a free one.")] = 8080,
    db: Annotated[
        str, typer.Option("--db", metavar="URL", help="`sqlite:///FILE` or `postgresql://USER@HOST/NAME`.")
    ] = "sqlite:///moderation.db",
    token_file: Annotated[
        Path | None,
        typer.Option(
            "--token-file",
            metavar="FILE",
            show_default=False,
            help="Tenants with the hashes of their tokens (TOML, mode 0600); needed beyond this machine.",
        ),
    ] = None,
    given: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            show_default=False,
            help="A setting, such as `seconds=10` or `coding=lines`; as often as needed.",
        ),
    ] = None,
) -> None:
    """Serve moderation on `/v1/moderations`, with a page that shows and changes every verdict.

    For example:

    - `instincts serve --model pocket-analyst --policy general --on-error review`
    - `instincts serve --model openai/gpt-4o --policy general --on-error review`
    - `instincts serve --model runs/analyst --policy mine.toml --token-file tokens.toml --db postgresql://localhost/mod`
    """  # fmt: skip
    from instincts.analyst.service import ServiceSettings
    from instincts.analyst.service.serving import serve as run
    from instincts.config import Scale
    from instincts.errors import ConfigError

    values: dict[str, str | int] = {}
    for word in given or []:
        name, equals, value = word.partition("=")
        if not equals:
            raise ConfigError(f"--set {word!r} is no NAME=VALUE; write --set seconds=10")
        # `calls` is one of two numbers, which a word is never equal to.
        values[name.strip()] = int(value) if value.strip().isdecimal() else value.strip()
    run(
        model,
        policy,
        host=host,
        port=port,
        db=db,
        token_file=token_file,
        on_error=on_error,  # type: ignore[arg-type]  # one of the three, the option saw to it
        settings=ServiceSettings.resolve(Scale.FULL, values),
        say=lambda address: notice(f"{address} moderates; Ctrl-C finishes what was accepted and stops"),
    )

"""Runs the service until it is told to stop; then refuses what is new and finishes what it has accepted."""

import asyncio
import ipaddress
import socket
from collections.abc import Callable
from pathlib import Path

from instincts.analyst.policy import Verdict
from instincts.analyst.service.settings import ServiceSettings
from instincts.analyst.settings import AnalysisSettings
from instincts.errors import ConfigError, RecordError

__all__ = ["bound", "serve"]


def serve(
    model: str,
    policy: str,
    *,
    host: str,
    port: int,
    db: str,
    token_file: Path | None,
    on_error: Verdict | None,
    settings: ServiceSettings,
    say: Callable[[str], None],
) -> None:
    """Serve until SIGTERM or Ctrl-C.

    Args:
        model: the analyst, any model of Inspect or one of ours.
        policy: a policy file, or a shipped policy's name.
        host: the address to listen on; without a token file only this machine's own.
        port: the port; 0 takes a free one.
        db: the database's URL.
        token_file: who may ask.
        on_error: what a text without a tree gets where the policy does not say it.
        settings: limits.
        say: told once where it listens, as soon as it does.

    Raises:
        ConfigError: a policy, token file, address or database URL that does not fit, or an analyst that writes no
            tree of a text without content.
        EvaluationError: the analyst failed at that.
        ModelDirectoryError: the model does not open.
        RecordError: the database does not open, or the port is taken.
    """
    try:
        import uvicorn

        from instincts.analyst.service.application import Service, application
        from instincts.analyst.service.storage import open_store
    except ModuleNotFoundError as error:
        raise ConfigError(f"serve needs {error.name}: pip install 'instincts[serve]'") from None
    from instincts.analyst.service.asking import open_analyst
    from instincts.analyst.service.tenants import Tenants, read_tenants

    if token_file is None and not _is_this_machine(host):
        raise ConfigError(f"--host {host} is open to other machines; give --token-file, or listen on 127.0.0.1")
    tenants = read_tenants(token_file) if token_file else Tenants({})
    analyst = open_analyst(
        model,
        AnalysisSettings(
            **{name: getattr(settings, name) for name in ("coding", "calls") if name in settings.model_fields_set},
            attempts=settings.attempts,
            samples=settings.samples,
            structured=settings.structured,
            max_characters=settings.text_characters,
        ),
        connections=settings.concurrency,
    )
    service = Service(
        analyst,
        store=open_store(db, patience=settings.store_seconds, synchronous=settings.synchronous),
        policy=policy,
        tenants=tenants,
        on_error=on_error,
        settings=settings,
    )
    listening = bound(host, port)
    address = f"http://{f'[{host}]' if ':' in host else host}:{listening.getsockname()[1]}"
    config = uvicorn.Config(
        application(service),
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=int(settings.seconds + settings.store_seconds) + 5,
    )

    async def run() -> None:
        # In the loop that answers later: a provider's client belongs to one. Nobody is listened to before.
        if settings.self_test:
            await analyst.check()
        say(address)
        await uvicorn.Server(config).serve(sockets=[listening])

    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(run())


def bound(host: str, port: int) -> socket.socket:
    """Take an address.

    Raises:
        RecordError: it is taken, or not this machine's.
    """
    # The protocol by its number: asyncio sends small answers at once only on a socket that says it is TCP's. Without
    # it an answer in two parts waits 40 ms for the client to acknowledge the first.
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, proto=socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise RecordError(f"cannot listen on {host}:{port}: {error.strerror}; choose another --port") from None
    return listening


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

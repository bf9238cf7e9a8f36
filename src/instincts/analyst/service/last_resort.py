"""What nobody foresaw becomes one clear 500, and a line in the log that says where, without a word of what was sent.

A server that is left to print a traceback prints the exception's text too, which may quote the text under test.
"""

import logging
import traceback
from pathlib import Path

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from instincts.analyst.service.refusals import Refusal, refusal

__all__ = ["LastResort"]

_LOG = logging.getLogger(__name__)


class LastResort:
    """ASGI middleware, the outermost."""

    def __init__(self, app: ASGIApp) -> None:
        """Stand before an application."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and answer where nothing else did."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def sent(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, sent)
        except Exception as error:  # noqa: BLE001 - the last one who can answer
            _LOG.error("a request failed: %s", _place(error))
            if begun:
                raise ConnectionAbortedError("an answer broke off; its cause is in the line before") from None
            failed = Refusal(500, "internal_error", "something went wrong here; it is in the log")
            await refusal(failed)(scope, receive, send)


def _place(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    steps = " < ".join(f"{Path(each.filename).name}:{each.lineno} {each.name}" for each in reversed(frames))
    return f"{type(error).__name__} at {steps}"


_FRAMES = 6
"""Innermost frames that the log names."""

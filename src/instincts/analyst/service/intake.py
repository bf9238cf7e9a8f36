"""Reads a request's body before anything looks at it: bounded in bytes and in time, and UTF-8.

FastAPI bounds none of these. A body that says it is too large is refused unread, one that lies while it is read.
"""

import asyncio
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from instincts.analyst.service.refusals import Refusal, refusal

__all__ = ["Intake"]


class Intake:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, *, most_bytes: int, seconds: float) -> None:
        """Stand before an application.

        Args:
            app: gets requests whose body is at hand.
            most_bytes: of a body.
            seconds: for all of a body to arrive.
        """
        self._app = app
        self._most = most_bytes
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read, then pass on or refuse."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            body = await self._read(scope, receive)
        except Refusal as refused:
            # What is left of the body would be taken for the next request.
            await refusal(refused, close=True)(scope, receive, send)
            return
        if body is None:
            return
        sent = False

        async def again() -> Message:
            nonlocal sent
            if sent:
                return await receive()
            sent = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, again, send)

    async def _read(self, scope: Scope, receive: Receive) -> bytes | None:
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if length.isdigit() and int(length) > self._most:
            raise self._too_large()
        parts: list[bytes] = []
        try:
            async with asyncio.timeout(self._seconds):
                while True:
                    message: Any = await receive()
                    if message["type"] != "http.request":
                        return None  # gone before it had spoken
                    parts.append(message.get("body", b""))
                    if sum(map(len, parts)) > self._most:
                        raise self._too_large()
                    if not message.get("more_body"):
                        break
        except TimeoutError:
            raise Refusal(408, "body_timeout", f"the body did not arrive within {self._seconds:g} s") from None
        body = b"".join(parts)
        try:
            body.decode()
        except UnicodeDecodeError as error:
            raise Refusal(400, "not_utf8", f"the body is not UTF-8: byte {error.start} does not fit") from None
        return body

    def _too_large(self) -> Refusal:
        return Refusal(413, "body_too_large", f"the body is larger than {self._most} bytes")

"""How a request is refused: OpenAI's error body, one sentence, and whether a repeat can help."""

from collections.abc import Mapping

from starlette.responses import JSONResponse

__all__ = ["CAUSES", "Refusal", "refusal"]


class Refusal(Exception):  # noqa: N818 - an answer, not a failure
    """A request that gets no verdict."""

    def __init__(self, status: int, code: str, message: str, *, retry_after: float | None = None) -> None:
        """Say why.

        Args:
            status: of HTTP.
            code: a word for programs.
            message: a sentence for people; never any of the text under test.
            retry_after: seconds after which a repeat may help; None where none does.
        """
        super().__init__(message)
        self.status = status
        self.code = code
        self.retry_after = retry_after


def refusal(refused: Refusal, *, close: bool = False) -> JSONResponse:
    """Write a refusal as OpenAI does.

    Its client repeats 408, 409, 429 and 5xx by itself, and obeys `x-should-retry`.
    """
    headers = {"x-should-retry": "true" if refused.retry_after is not None else "false"}
    if refused.retry_after is not None:
        headers["retry-after"] = str(max(1, round(refused.retry_after + 0.5)))
    if refused.status == 401:
        headers["www-authenticate"] = "Bearer"
    if close:
        headers["connection"] = "close"
    kind = "server_error" if refused.status >= 500 else _KINDS.get(refused.status, "invalid_request_error")
    error = {"message": str(refused), "type": kind, "param": None, "code": refused.code}
    return JSONResponse({"error": error}, refused.status, headers)


CAUSES: Mapping[str, tuple[int, float | None]] = {
    "unreadable": (503, None),
    "timeout": (503, 5.0),
    "overload": (503, 2.0),
    "busy": (429, 2.0),
    "analyst_down": (503, 10.0),
    "too_long": (503, None),
    "store_down": (503, 5.0),
}
"""Why there is no verdict: status, and seconds after which a repeat may help."""
_KINDS = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}

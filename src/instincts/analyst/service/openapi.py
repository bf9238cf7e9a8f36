"""The OpenAPI document, corrected where FastAPI's own says what this service does not do."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

__all__ = ["RESPONSES", "document"]

_ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code"],
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": {"type": ["string", "null"]},
                "code": {"type": "string"},
            },
        }
    },
}


def _refused(why: str) -> dict[str, Any]:
    return {"description": why, "content": {"application/json": {"schema": _ERROR}}}


RESPONSES: dict[int | str, dict[str, Any]] = {
    400: _refused("Not what the schema, or the policy's form, asks for"),
    401: _refused("No valid token"),
    403: _refused("The token lacks the scope"),
    404: _refused("No policy of that name"),
    408: _refused("The body did not arrive in time"),
    409: _refused("A published version never changes"),
    412: _refused("The policy was changed since you read it"),
    413: _refused("The body is too large"),
    429: _refused("Too many requests of yours; Retry-After says when"),
    503: _refused("No verdict; the code says why, Retry-After when a repeat may help"),
}
"""Every refusal a route may answer with."""


def document(app: FastAPI, *, needs_token: bool) -> dict[str, Any]:
    """Write the document.

    Args:
        app: the application.
        needs_token: whether there is a token file.
    """
    if app.openapi_schema is None:
        made = get_openapi(title=app.title, version=app.version, routes=app.routes)
        for path, methods in made["paths"].items():
            for operation in methods.values():
                operation["responses"].pop("422", None)  # it is 400 here
                if needs_token and path.startswith(("/v1/", "/metrics")):
                    operation["security"] = [{"token": []}]
                if path == "/v1/policies/{name}" and "requestBody" not in operation and "201" in operation["responses"]:
                    operation["requestBody"] = _POLICY_BODY
        schemas = made.setdefault("components", {}).setdefault("schemas", {})
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        if needs_token:
            made["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        app.openapi_schema = made
    return app.openapi_schema


_POLICY_BODY = {
    "required": True,
    "description": "A policy, as JSON or as TOML",
    "content": {
        "application/json": {"schema": {"type": "object"}},
        "application/toml": {"schema": {"type": "string"}},
    },
}

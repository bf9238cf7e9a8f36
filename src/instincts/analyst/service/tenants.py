"""Who may ask: tenants with their tokens, policy, lines, scopes and rate, from a file that holds no token.

    [tenants.acme]
    tokens = ["sha256:9f86d081..."]         # printf %s "$TOKEN" | sha256sum
    policy = "children"                     # a name, or a file
    review = 0.3                            # both lines, or none
    block = 0.6
    scopes = ["moderate", "analyze"]        # all, if absent
    rate = 20                               # requests a second
    burst = 40
    keep_text_days = 30                     # keep texts that long; absent: never

A plain SHA-256 is enough for tokens because they are long random strings, not passwords. Without a file there is one
tenant, who needs no token: for this machine alone.
"""

import hashlib
import hmac
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from instincts.errors import ConfigError

__all__ = ["SCOPES", "Scope", "Tenant", "Tenants", "read_tenants"]

Scope = Literal["moderate", "analyze", "policy-write", "metrics"]
SCOPES: tuple[Scope, ...] = get_args(Scope)

_Hash = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
_Share = Annotated[float, Field(ge=0, le=1)]


class Tenant(BaseModel):
    """One who asks, and what holds for them."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)

    name: str = Field("local", min_length=1, max_length=64)
    """How rows and metrics call them."""
    tokens: tuple[_Hash, ...] = ()
    """`sha256:` and the hash of each token."""
    policy: str | None = None
    """Their policy; the service's if absent."""
    review: _Share | None = None
    """Their review line instead of the policy's."""
    block: _Share | None = None
    """Their block line instead of the policy's."""
    scopes: tuple[Scope, ...] = SCOPES
    """What they may do."""
    rate: Annotated[float, Field(gt=0)] | None = None
    """Requests a second."""
    burst: Annotated[int, Field(ge=1)] | None = None
    """Requests at once."""
    keep_text_days: Annotated[int, Field(ge=1, le=3650)] | None = None
    """For how many days texts are kept; absent, never."""

    @model_validator(mode="after")
    def _has_both_lines(self) -> Self:
        if (self.review is None) != (self.block is None):
            raise ValueError("give both lines, `review` and `block`, or none")
        if self.review is not None and self.block is not None and self.review > self.block:
            raise ValueError(f"review {self.review} lies above block {self.block}")
        return self


class Tenants:
    """Finds the tenant of a token."""

    def __init__(self, tenants: Mapping[str, Tenant]) -> None:
        """Take tenants by name; none at all means one who needs no token."""
        self.is_open = not tenants
        self.by_name = dict(tenants) or {"local": Tenant()}

    def find(self, authorization: str | None) -> Tenant | None:
        """Give the tenant of an `Authorization: Bearer TOKEN` header; None for no or a wrong token."""
        if self.is_open:
            return self.by_name["local"]
        kind, _, token = (authorization or "").partition(" ")
        if kind.lower() != "bearer" or not token.strip():
            return None
        # A header's bytes arrive as latin-1; every hash is compared, so that time tells nothing.
        digest = "sha256:" + hashlib.sha256(token.strip().encode("latin-1", "replace")).hexdigest()
        found = None
        for tenant in self.by_name.values():
            for known in tenant.tokens:
                if hmac.compare_digest(known, digest):
                    found = tenant
        return found


def read_tenants(path: Path) -> Tenants:
    """Read a token file.

    Raises:
        ConfigError: it cannot be read, others may read it, or it holds no tenants; names tenant and key.
    """
    try:
        if path.stat().st_mode & 0o077:
            raise ConfigError(f"{path} can be read by others; chmod 600 {path}")
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read the token file {path}: {error.strerror}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path} is not TOML: {error}") from None
    rows = data.get("tenants")
    if not isinstance(rows, Mapping) or not rows or set(data) != {"tenants"}:
        raise ConfigError(f"{path} holds tables [tenants.NAME] and nothing else, at least one of them")
    tenants: dict[str, Tenant] = {}
    seen: dict[str, str] = {}
    for name, row in rows.items():
        try:
            tenant = Tenant.model_validate({"name": name, **row} if isinstance(row, Mapping) else row)
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(str(part) for part in ("tenants", name, *first["loc"]))
            raise ConfigError(f"{path}: {key}: {first['msg'].removeprefix('Value error, ')}") from None
        if not tenant.tokens:
            raise ConfigError(f'{path}: tenants.{name}: no tokens, so nobody could ask; add tokens = ["sha256:..."]')
        for token in tenant.tokens:
            if token in seen:
                raise ConfigError(f"{path}: tenants.{name}.tokens: the same token is {seen[token]}'s")
            seen[token] = name
        tenants[name] = tenant
    return Tenants(tenants)

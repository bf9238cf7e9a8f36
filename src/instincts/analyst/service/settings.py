"""How a service behaves under load and in doubt; every limit has a number here."""

from typing import Literal

from pydantic import Field

from instincts.analyst.settings import Coding
from instincts.config import Settings

__all__ = ["ServiceSettings"]


class ServiceSettings(Settings):
    """Limits of the moderation service. Each refusal names the one that it comes from."""

    body_bytes: int = Field(1_048_576, ge=1024)
    """Largest request body; a larger one is refused (413) without being read to its end."""
    text_characters: int = Field(100_000, ge=1)
    """Longest single text; a longer one gets no verdict (`too_long`)."""
    inputs: int = Field(32, ge=1)
    """Most texts in one request."""
    concurrency: int = Field(64, ge=1)
    """Most trees that grow at once: what the analyst's server, or a local batch, takes."""
    waiting: int = Field(256, ge=0)
    """Most trees that wait for their turn; beyond it a request is refused at once (`overload`)."""
    tenant_waiting: int = Field(128, ge=1)
    """Most trees of one tenant that grow or wait, so that one cannot take all places."""
    seconds: float = Field(30.0, gt=0)
    """How long a request may take before it gets no verdict (`timeout`)."""
    read_seconds: float = Field(10.0, gt=0)
    """How long a client may take to send its body."""
    store_seconds: float = Field(5.0, gt=0)
    """How long the database may be locked or away before there is no verdict (`store_down`)."""
    synchronous: Literal["full", "normal"] = "full"
    """What SQLite waits for: `full` for the disk at each commit, so that nothing is lost in a power cut; `normal` does
    not, and loses nothing in a kill."""
    attempts: int = Field(2, ge=1)
    """How often the analyst is asked for a tree that can be read."""
    coding: Coding = "json"
    """How the analyst writes a tree: `json`, `lines`, `specialist` or `specialist-json`; what `distill` trained says it
    itself."""
    calls: Literal[1, 2] = 2
    """Questions a text: harms and benefits apart, or both at once."""
    samples: int = Field(1, ge=1)
    """Trees of each text, made one of what half of them agree on."""
    structured: Literal["auto", "on", "off"] = "auto"
    """Hold the analyst's server to a JSON schema; `auto` tries it once and goes without where that does not work."""
    self_test: bool = True
    """Grow one tree of a text without content before the service listens, and do not start without it."""
    remembered: int = Field(4096, ge=0)
    """Trees kept in memory, so that the same text costs nothing; all are in the database as well."""
    rate: float = Field(50.0, gt=0)
    """Requests a second and tenant, unless the token file says otherwise."""
    burst: int = Field(200, ge=1)
    """Requests that a tenant may send at once before the rate binds."""
    flag_review: bool = False
    """Whether `flagged` is true for a review too, not only for a block."""
    error_reply: Literal["status", "verdict"] = "status"
    """What a request without a verdict gets on `/v1/moderations`: 503, or 200 with the verdict of `on_error`."""

"""Whether a provider continues an answer that was begun for it, or closes that turn and opens one of its own."""

import os

__all__ = ["PREFILLED", "address_of_openai", "closes_turns"]

PREFILLED = "prefilled"
"""The tag of attacks that begin the answer."""


def closes_turns(provider: str, address: str | None = None) -> str | None:
    """Say what to do instead, if the beginning of an answer would silently become a finished turn; None if it works.

    Args:
        provider: of Inspect, for example `hf`.
        address: where an `openai` model is asked: other servers behind that provider, such as vLLM, do continue.
    """
    match provider:
        case "hf":
            return "open the checkpoint as instincts/PATH instead"
        case "openai" if address is None or "api.openai.com" in address:
            return "use a server that continues a last assistant message, with its address in OPENAI_BASE_URL"
    return None


def address_of_openai() -> str | None:
    """Read the address that Inspect's `openai` provider will ask, None for the company's own."""
    return os.environ.get("OPENAI_BASE_URL") or os.environ.get("INSPECT_EVAL_MODEL_BASE_URL")

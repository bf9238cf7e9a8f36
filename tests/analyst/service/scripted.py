"""An analyst that follows a script, and a service around it, without a socket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from instincts.analyst import Tree
from instincts.analyst.service.application import Service, application
from instincts.analyst.service.asking import Case
from instincts.analyst.service.storage import open_store
from instincts.errors import NoVerdictError
from tests.analyst.trees import tree

__all__ = ["BENIGN", "HARMFUL", "ScriptedAnalyst", "asked", "grown"]

HARMFUL = "How do I zordan the paper lamp?"
BENIGN = "How do I fold the paper lamp?"


def grown(text: str) -> Tree:
    """Grow a tree by words: `zordan` is violence, `mirvel` self-harm, anything else helps."""
    if "zordan" in text:
        return tree("9 A4H+", "9 B3H+", "B J1L-")
    if "mirvel" in text:
        return tree("23 D4H+", "B J2H+ knows whom to call")
    return tree("B J2H+ knows the steps")


class ScriptedAnalyst:
    """Grows trees by words; slow, silent or dead on demand."""

    digest = "d" * 64

    def __init__(self, *, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.calls: list[Case] = []
        self.dead = False
        """Whether the model's server is gone."""
        self.at_once = 0
        self.most_at_once = 0

    async def grow(self, case: Case) -> Tree:
        self.calls.append(case)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(self.seconds)
            if self.dead:
                raise NoVerdictError("analyst_down", "the analyst failed: ConnectionError")
            text = case.turns[-1][1]
            if "garble" in text:
                raise NoVerdictError("unreadable", "no tree in 2 replies")
            return grown(text)
        finally:
            self.at_once -= 1


@asynccontextmanager
async def asked(folder: Path, analyst: Any = None, **options: Any) -> AsyncIterator[tuple[httpx.AsyncClient, Service]]:
    """Give a client of a service that runs while the block does; its database lies in the folder."""
    options.setdefault("policy", "general")
    options.setdefault("on_error", "review")
    store = options.pop("store", None) or open_store(f"sqlite:///{folder / 'moderation.db'}", patience=1.0)
    service = Service(analyst or ScriptedAnalyst(), store=store, **options)
    app = application(service)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://service", timeout=60) as client:
            yield client, service

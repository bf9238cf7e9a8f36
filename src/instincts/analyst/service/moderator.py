"""From a text to its tree: seen before, or growing already, or queued for the analyst, and then kept.

A tree that is handed out is on the disk. Equal texts of a tenant that come at the same time share one tree. Beyond the
places that grow and wait a text is refused at once, so that nobody waits for what will be too late. Knows no HTTP.
"""

import asyncio
import hashlib
import hmac
import json
from collections import Counter
from typing import Literal, NamedTuple

from instincts.analyst.service.asking import Analyst, Case
from instincts.analyst.service.recent import Recent
from instincts.analyst.service.rows import TreeRow
from instincts.analyst.service.settings import ServiceSettings
from instincts.analyst.service.storage import Store
from instincts.analyst.service.tenants import Tenant
from instincts.analyst.tree import Tree
from instincts.errors import NoVerdictError

__all__ = ["Grown", "Moderator", "Tier"]

Tier = Literal["memory", "store", "model"]


class Grown(NamedTuple):
    """A tree, with where it was found."""

    row: TreeRow
    tree: Tree
    """With its words where they are known: just grown, in memory, or kept."""
    tier: Tier


class Moderator:
    """Grows each text once."""

    def __init__(self, analyst: Analyst, store: Store, settings: ServiceSettings) -> None:
        """Take an analyst and a store."""
        self.analyst = analyst
        self.busy = Counter[str]()
        """Trees that grow or wait, by tenant."""
        self._store = store
        self._settings = settings
        self._places = asyncio.Semaphore(settings.concurrency)
        self._memory = Recent[tuple[str, str], tuple[TreeRow, Tree]](settings.remembered)
        self._growing: dict[tuple[str, str], asyncio.Task[Grown]] = {}

    async def grow(self, tenant: Tenant, case: Case, seconds: float | None = None) -> Grown:
        """Give the tree of a text.

        Args:
            tenant: who asks.
            case: the text.
            seconds: how long it may take, at most what the settings say.

        Raises:
            NoVerdictError: there is none; says which cause.
        """
        limit = self._settings.text_characters
        if (length := sum(len(text) for _, text in case.turns)) > limit:
            raise NoVerdictError("too_long", f"{length} characters; at most {limit} are read")
        patience = min(seconds or self._settings.seconds, self._settings.seconds)
        try:
            async with asyncio.timeout(patience):
                return await self._find(tenant, case)
        except TimeoutError:
            raise NoVerdictError("timeout", f"no tree within {patience:g} s") from None

    async def drain(self) -> None:
        """Wait until every tree that was begun is kept, or given up."""
        await asyncio.gather(*self._growing.values(), return_exceptions=True)

    async def _find(self, tenant: Tenant, case: Case) -> Grown:
        sha = _hmac(await self._store.key(tenant.name), case)
        key = tenant.name, sha
        if (known := self._memory.get(key)) is not None:
            return Grown(*known, "memory")
        if key not in self._growing:
            # Counted before anything is awaited, so that a thousand at once see each other.
            self._admit(tenant)
            task = asyncio.create_task(self._grow(tenant, case, sha))
            self._growing[key] = task
            task.add_done_callback(lambda _: self._ended(key, tenant))
        # Shielded: who gives up leaves the tree to the others who wait for it, and to the next who asks.
        return await asyncio.shield(self._growing[key])

    def _admit(self, tenant: Tenant) -> None:
        if self.busy[tenant.name] >= self._settings.tenant_waiting:
            raise NoVerdictError("busy", f"{self.busy[tenant.name]} texts of yours are under way")
        if self.busy.total() >= self._settings.concurrency + self._settings.waiting:
            raise NoVerdictError("overload", "all places are taken")
        self.busy[tenant.name] += 1

    def _ended(self, key: tuple[str, str], tenant: Tenant) -> None:
        task = self._growing.pop(key)
        self.busy[tenant.name] -= 1
        if not task.cancelled():
            task.exception()  # read, so that one for whom nobody waits any more is no warning

    async def _grow(self, tenant: Tenant, case: Case, sha: str) -> Grown:
        found = await self._store.find(tenant.name, sha, case.subject, self.analyst.digest)
        if found is not None:
            return self._remember(tenant, found, found.tree, "store")
        try:
            async with asyncio.timeout(self._settings.seconds):
                async with self._places:
                    tree = await self.analyst.grow(case)
        except TimeoutError:
            raise NoVerdictError("timeout", f"no tree within {self._settings.seconds:g} s") from None
        row = TreeRow.of(
            tree, tenant=tenant.name, prompt_hmac=sha, subject=case.subject, analyst=self.analyst.digest,
            prompt=json.dumps(case.turns, ensure_ascii=False), keep_days=tenant.keep_text_days,
        )  # fmt: skip
        await self._store.write(row)
        return self._remember(tenant, row, tree, "model")

    def _remember(self, tenant: Tenant, row: TreeRow, tree: Tree, tier: Tier) -> Grown:
        self._memory.put((tenant.name, row.prompt_hmac), (row, tree))
        return Grown(row, tree, tier)


def _hmac(key: bytes, case: Case) -> str:
    text = json.dumps([case.subject, case.turns], ensure_ascii=True)
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()

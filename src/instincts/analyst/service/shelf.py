"""Which policy is in force: the service's file, shipped ones, and those that tenants saved.

The file is read again when it changes. A file that became malformed leaves the old policy in force, and says so
until it is whole again. A version that was published never changes.
"""

import time
from collections.abc import Sequence
from pathlib import Path

from instincts.analyst.policy import Policy, Verdict
from instincts.analyst.policy_files import SHIPPED, parse_policy, policy_text, read_policy
from instincts.analyst.service.storage import PolicyRow, Store
from instincts.analyst.service.tenants import Tenant, Tenants
from instincts.errors import ConfigError, unknown_name

__all__ = ["PublishedError", "Shelf", "StaleError", "parse_body"]


class Shelf:
    """The policies of one service."""

    def __init__(self, source: str, store: Store, tenants: Tenants, on_error: Verdict | None = None) -> None:
        """Read the service's policy and those that the token file names.

        Args:
            source: a policy file, or a shipped policy's name.
            store: where tenants' policies are.
            tenants: who has one of their own.
            on_error: what a text without a tree gets where the policy does not say it.

        Raises:
            ConfigError: a policy is none, or nothing says what a text without a tree gets.
        """
        self._source = Path(source)
        self._on_error = on_error
        self._main = _checked(read_policy(source))
        if self._main.on_error is None and on_error is None:
            raise ConfigError(
                f"policy {self._main.name} does not say what a text without a tree gets; add "
                'on_error = "block", "review" or "allow" to it, or give --on-error'
            )
        self.trouble = ""
        """What is wrong with the file since it changed; empty while it is in force."""
        self._stamp = self._look()
        self._store = store
        self._named = {name: _checked(read_policy(name)) for name in SHIPPED}
        self._own: dict[tuple[str, str], Policy] = {}
        self._tenants = tenants
        self._lines: dict[tuple[str, str], Policy] = {}
        self._of_tenant = {
            tenant.name: _checked(read_policy(tenant.policy)) for tenant in tenants.by_name.values() if tenant.policy
        }

    async def load(self) -> None:
        """Read what tenants saved."""
        for row in await self._store.policies():
            self._own[row.tenant, row.name] = parse_policy(row.body, ".toml", name=f"{row.name} {row.version}")

    def find(self, tenant: Tenant, name: str | None = None) -> Policy:
        """Give a policy by name, or the tenant's; the tenant's lines hold for it.

        Raises:
            ConfigError: no policy of that name.
        """
        if name is None:
            policy = self._of_tenant.get(tenant.name) or self._main
        elif (found := self._own.get((tenant.name, name))) is not None:
            policy = found
        elif name == self._main.name:
            policy = self._main
        elif name in self._named:
            policy = self._named[name]
        else:
            raise unknown_name("policy", name, [each.name for each in self.names(tenant)])
        return self._with_lines(policy, tenant)

    def names(self, tenant: Tenant) -> Sequence[Policy]:
        """Give every policy that a tenant can name, the service's first, one a name."""
        own = [policy for (owner, _), policy in sorted(self._own.items()) if owner == tenant.name]
        every = [*own, self._main, *filter(None, [self._of_tenant.get(tenant.name)]), *self._named.values()]
        by_name: dict[str, Policy] = {}
        for policy in every:
            by_name.setdefault(policy.name, policy)
        first = self._main.name
        return sorted(by_name.values(), key=lambda each: each.name != first)

    def on_error(self, policy: Policy) -> Verdict:
        """Say what a text without a tree gets."""
        return policy.on_error or self._on_error or self._main.on_error or "block"

    async def publish(self, tenant: Tenant, policy: Policy, *, expected: str | None) -> bool:
        """Save a tenant's policy.

        Args:
            tenant: whose.
            policy: the numbers.
            expected: digest of the version that it replaces, where the caller has seen one.

        Returns:
            Whether it is new to the tenant; false for the next version of one they had.

        Raises:
            ConfigError: that version has other numbers already, or another one was saved meanwhile.
        """
        before = self._own.get((tenant.name, policy.name))
        if expected is not None and (before is None or before.digest != expected):
            now = f"it is {before.digest}" if before else "there is none"
            raise StaleError(f"policy {policy.name} is not of digest {expected}: {now}; read it again")
        row = PolicyRow(
            tenant=tenant.name, name=policy.name, version=policy.version, digest=policy.digest,
            body=policy_text(policy), created=time.time(),
        )  # fmt: skip
        if before is not None and before.digest == policy.digest:
            return False
        if not await self._store.publish(row):
            raise PublishedError(
                f"version {policy.version} of policy {policy.name} is published and never changes; "
                "save it as another version"
            )
        self._own[tenant.name, policy.name] = policy
        self._lines.clear()
        return before is None

    def reread(self) -> None:
        """Take a changed file into force, or keep the old policy and the reason."""
        stamp = self._look()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            policy = _checked(read_policy(self._source))
            if policy.on_error is None and self._on_error is None:
                raise ConfigError(f"{self._source}: on_error is missing")
        except ConfigError as error:
            self.trouble = str(error)
        else:
            self._main, self.trouble = policy, ""
            self._lines.clear()

    def _with_lines(self, policy: Policy, tenant: Tenant) -> Policy:
        if tenant.review is None:
            return policy
        key = tenant.name, policy.digest
        if key not in self._lines:
            data = policy.to_data()
            data["verdict"] = {"review": tenant.review, "block": tenant.block}
            self._lines[key] = Policy.model_validate(data)
        return self._lines[key]

    def _look(self) -> tuple[int, int] | None:
        try:
            found = self._source.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size


class StaleError(ConfigError):
    """A policy was changed since its reader read it."""


class PublishedError(ConfigError):
    """A version that is published already."""


def parse_body(body: str, content_type: str) -> Policy:
    """Read a policy that came in a request; TOML or YAML by content type, else JSON.

    Raises:
        ConfigError: it is none; names line and key.
    """
    kind = content_type.lower()
    suffix = ".toml" if "toml" in kind else ".yaml" if "yaml" in kind else ".json"
    return _checked(parse_policy(body, suffix))


def _checked(policy: Policy) -> Policy:
    for key in ("name", "version", "parent"):
        if not str(getattr(policy, key)).isprintable():
            raise ConfigError(f"policy: {key} holds characters that cannot be printed")
    if any("\ud800" <= letter <= "\udfff" for letter in policy.description):
        raise ConfigError(f"policy {policy.name}: description holds half of a surrogate pair")
    # Infinite scores have no place in JSON, and no community needs such numbers.
    for key, value in _numbers(policy.to_data(), ""):
        if abs(value) > _LARGEST:
            raise ConfigError(f"policy {policy.name}: {key} = {value!r} is beyond {_LARGEST:.0e}")
    if policy.calibration.scale < 1 / _LARGEST:
        raise ConfigError(f"policy {policy.name}: calibration.scale = {policy.calibration.scale!r} is below 1e-06")
    return policy


def _numbers(data: object, path: str) -> list[tuple[str, float]]:
    if isinstance(data, dict):
        return [each for key, value in data.items() for each in _numbers(value, f"{path}.{key}".strip("."))]
    return [(path, float(data))] if isinstance(data, int | float) and not isinstance(data, bool) else []


_LARGEST = 1e6
"""No number of a policy is larger."""

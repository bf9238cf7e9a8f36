"""What Prometheus reads: verdicts, refusals, times. No label holds a text, a token or a policy of a request's own."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from instincts.analyst.service.answers import Judgement

__all__ = ["Counters"]


class Counters:
    """The counters of one service, in a registry of their own."""

    def __init__(self) -> None:
        """Begin at zero."""
        self.registry = CollectorRegistry()
        self._verdicts = Counter(
            "instincts_verdicts_total", "Verdicts that rest on a tree", ["tenant", "verdict"], registry=self.registry
        )
        self._without = Counter(
            "instincts_without_verdict_total",
            "Texts without a tree, by cause and by what they got",
            ["tenant", "cause", "verdict"],
            registry=self.registry,
        )
        self._refused = Counter(
            "instincts_refused_total", "Requests refused before any verdict", ["code"], registry=self.registry
        )
        self._seconds = Histogram(
            "instincts_verdict_seconds",
            "From a request's body to its verdict on the disk",
            ["tier"],
            buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30),
            registry=self.registry,
        )
        self.growing = Gauge("instincts_trees_under_way", "Trees that grow or wait", registry=self.registry)

    def judged(self, tenant: str, found: Judgement, seconds: float) -> None:
        """Count a text."""
        if found.error is not None:
            self._without.labels(tenant, found.error.cause, found.verdict).inc()
        else:
            self._verdicts.labels(tenant, found.verdict).inc()
        self._seconds.labels(found.grown.tier if found.grown else "none").observe(seconds)

    def refused(self, code: str) -> None:
        """Count a refusal."""
        self._refused.labels(code).inc()

    def text(self) -> bytes:
        """Write the exposition."""
        return generate_latest(self.registry)

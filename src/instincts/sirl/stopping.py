"""The stop rule: when a training has gained what it can, or is about to lose something; pure, no model.

The paper stops near step 30 by hand. Ours reads the canaries: the best check so far is kept, and training stops when a
tolerance is broken, the KL budget is spent, or the gain has levelled off.
"""

from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

from instincts.sirl.settings import SirlSettings

__all__ = ["Check", "Decision", "StopRule"]


@dataclass(frozen=True, kw_only=True)
class Check:
    """One look at the canaries. Shares are fractions of answers; `None` where the canaries cannot tell."""

    step: int
    dsr: float | None
    """Harmful canaries refused; without labels, contested prompts answered confidently."""
    benign_compliance: float | None
    """Benign canaries answered; without labels, rejected prompts answered in the open mode."""
    skill_accuracy: float | None
    """Skill canaries answered exactly; `None` without labels."""
    confident_share: float | None
    """Answers in the confident mode, over all canaries but skills."""
    entropy_harmful: float | None
    """Mean token entropy on harmful (or contested) canaries, nats."""
    entropy_benign: float | None
    """Mean token entropy on benign (or rejected) canaries, nats."""
    kl: float
    """Mean KL to the untouched model since the last check, nats a token."""
    length: float | None
    """Mean answer length, tokens."""
    repetition: float | None
    """Mean share of 4-grams in an answer that occurred before in it."""
    top_phrase_share: float | None
    """Share of the commonest answer opening among confident answers."""
    missing_eos: float | None
    """Answers cut off at the length limit."""
    distinct_2: float | None
    """Distinct share of all 2-grams."""
    refusal_share: float | None = None
    """Harmful (or contested) canaries that the judge reads as refusals: that confidence still means refusing. Unlike
    `dsr` it is read from words without labels too; None in runs from before it was watched."""

    def to_json(self) -> dict[str, Any]:
        """Return the row as plain data."""
        return asdict(self)


class Decision(NamedTuple):
    """What to do after a check."""

    is_best: bool
    """Keep this checkpoint."""
    stop_reason: str | None
    """Why to stop, in words; `None` to go on."""


@dataclass
class StopRule:
    """Reads one check after the other; its state goes into every checkpoint so that a resumed run decides the same."""

    settings: SirlSettings
    start: Check | None = None
    best_step: int | None = None
    best_gain: float = float("-inf")
    checks_without_gain: int = 0
    broken_checks: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)

    def read(self, check: Check) -> Decision:
        """Take in one check; the first, before any step, is what all others are compared with."""
        self.history.append(check.to_json())
        if self.start is None:
            self.start = check
            return Decision(is_best=False, stop_reason=None)
        if reason := self._broken_tolerance(check):
            self.broken_checks += 1
            return Decision(is_best=False, stop_reason=reason if self.broken_checks > FORGIVEN else None)
        self.broken_checks = 0
        if check.dsr is None:  # no canary can tell, so every step counts as progress
            self.best_step = check.step
            return Decision(is_best=True, stop_reason=None)
        gain, floor = check.dsr, self.start.dsr if self.start.dsr is not None else float("-inf")
        # A tie, within the noise of few canaries, goes to the later check: they reach their ceiling before the attacks
        # nobody has seen do. It does not reset the patience, so that a run that has nothing more to gain ends.
        is_best = gain >= max(self.best_gain, floor) - NOISE
        self.checks_without_gain = 0 if gain > self.best_gain + NOISE else self.checks_without_gain + 1
        self.best_gain = max(gain, self.best_gain)
        if is_best:
            self.best_step = check.step
        if self.checks_without_gain >= self.settings.patience:
            return Decision(is_best, f"the gain levelled off: it has not risen in {self.settings.patience} checks")
        return Decision(is_best, None)

    def state(self) -> dict[str, Any]:
        """Return everything the rule remembers, as plain data."""
        return {
            "start": None if self.start is None else self.start.to_json(),
            "best_step": self.best_step,
            # JSON has no infinity: before the first comparison there is no best gain.
            "best_gain": None if self.best_gain == float("-inf") else self.best_gain,
            "checks_without_gain": self.checks_without_gain,
            "broken_checks": self.broken_checks,
            "history": self.history,
        }

    @classmethod
    def restore(cls, settings: SirlSettings, state: dict[str, Any]) -> "StopRule":
        """Rebuild a rule from what `state` returned."""
        return cls(
            settings=settings,
            start=None if state["start"] is None else Check(**state["start"]),
            best_step=state["best_step"],
            best_gain=float("-inf") if state["best_gain"] is None else state["best_gain"],
            checks_without_gain=state["checks_without_gain"],
            broken_checks=state["broken_checks"],
            history=list(state["history"]),
        )

    def _broken_tolerance(self, check: Check) -> str | None:
        assert self.start is not None
        limits = self.settings
        for name, sign, tolerance in (
            ("refusal_share", -1, limits.refusal_tolerance),
            ("benign_compliance", -1, limits.benign_tolerance),
            ("skill_accuracy", -1, limits.skill_tolerance),
            ("repetition", 1, limits.repetition_limit),
            ("missing_eos", 1, limits.repetition_limit),
        ):
            before, now = getattr(self.start, name), getattr(check, name)
            if before is not None and now is not None and sign * (now - before) > tolerance:
                went = "fell" if sign < 0 else "rose"
                remedy = REMEDIES.get(name, "")
                return f"{LABELS[name]} {went} from {before:.2f} to {now:.2f}, by more than {tolerance:.2f}{remedy}"
        if check.kl > limits.kl_budget:
            return f"KL to the untouched model reached {check.kl:.2f} nats a token, over {limits.kl_budget:.2f}"
        return None


FORGIVEN = 1
"""Checks in a row that may break a tolerance: one dip is undone by the guard and the anchor, or it is noise."""
NOISE = 0.02
"""Difference in the gain that few canaries cannot tell from none."""

REMEDIES = {
    "refusal_share": ". What the model is sure of is no refusal; repair its refusals first, for example by instincts "
    "steer, and look at its answers"
}

LABELS = {
    "refusal_share": "the share of refusals among the canaries",
    "benign_compliance": "benign compliance of the canaries",
    "skill_accuracy": "skill accuracy of the canaries",
    "repetition": "the share of repeated 4-grams",
    "missing_eos": "the share of answers that do not end",
}

"""Follows a training step by step: writes its curve, looks at the canaries, keeps checkpoints, stops it in time."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from instincts.models.checkpoints import checkpoint_path, mark_whole
from instincts.models.curve import append_row, check_finite
from instincts.sirl.stopping import Check, StopRule

__all__ = ["Watch"]

COLUMNS = {
    "reward": "reward",
    "reward_std": "reward_std",
    "entropy": "rollouts/mean_entropy",
    "confident_share": "rollouts/confident_share",
    "gated_share": "rollouts/rewarded_share",
    "kl": "kl",
    "length": "completions/mean_length",
    "truncated": "completions/clipped_ratio",
    "loss": "loss",
    "grad_norm": "grad_norm",
}
"""Columns of a step's row and TRL's names for them."""


class Watch(TrainerCallback):  # type: ignore[misc, unused-ignore]
    """The callback of a SIRL training.

    Args:
        look: answers the canaries, given the step and the mean KL since the last look.
        rule: decides what a look means.
        out: the run folder.
        report: told the step and the row of each step and each check; draws the progress.
        writes: whether this process writes files (rank 0).
    """

    def __init__(
        self,
        look: Callable[[int, float], Check],
        rule: StopRule,
        out: Path,
        *,
        report: Callable[[int, Mapping[str, Any]], None] | None = None,
        writes: bool = True,
    ) -> None:
        self.look = look
        self.rule = rule
        self.out = out
        self.report = report
        self.writes = writes
        self.stop_reason: str | None = None
        self.interrupted = False
        """Set by the first Ctrl-C; the step in hand is finished and kept."""
        self._kls: list[float] = []

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Look at the canaries before the first step, unless the run continues."""
        if self.rule.start is None:
            self._check(state.global_step)

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """Write a step's row.

        Raises:
            TrainingError: the loss or its gradient is not finite.
        """
        if not logs or "reward" not in logs:
            return
        row = {column: logs[name] for column, name in COLUMNS.items() if logs.get(name) is not None}
        check_finite(row, state.global_step)
        if "kl" in row:
            self._kls.append(float(row["kl"]))
        self._write({"kind": "step", "step": state.global_step, **row})

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Look at the canaries when it is time, and decide."""
        step, settings = state.global_step, self.rule.settings
        last = step >= state.max_steps
        if step % settings.check_every == 0 or last:
            decision = self._check(step)
            control.should_save = True
            if decision.is_best:
                # Named before it is saved, so that rotation spares it from the first moment.
                state.best_model_checkpoint = str(checkpoint_path(Path(str(args.output_dir)), step))
            if settings.stop_rule and decision.stop_reason is not None:
                self.stop_reason = decision.stop_reason
                control.should_training_stop = True
        if self.interrupted and not last:
            control.should_save = True
            control.should_training_stop = True

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Declare the checkpoint whole, with the state of the stop rule in it."""
        if self.writes:
            checkpoint = checkpoint_path(Path(str(args.output_dir)), state.global_step)
            mark_whole(checkpoint, {"rule": self.rule.state(), "kls": self._kls, "stop_reason": self.stop_reason})

    def remember(self, state: Mapping[str, Any]) -> None:
        """Take up the state kept in a checkpoint."""
        self.rule = StopRule.restore(self.rule.settings, state["rule"])
        self._kls = list(state["kls"])
        self.stop_reason = state["stop_reason"]

    def _check(self, step: int) -> Any:
        kl = sum(self._kls) / len(self._kls) if self._kls else 0.0
        self._kls = []
        check = self.look(step, kl)
        decision = self.rule.read(check)
        self._write({"kind": "check", **check.to_json()})
        return decision

    def _write(self, row: dict[str, Any]) -> None:
        if not self.writes:
            return
        append_row(self.out, row)
        if self.report is not None:
            self.report(row["step"], row)

"""The one file that touches TRL's private methods: GRPO with rewards read off the model's own distribution.

Source: SIRL (arXiv:2510.01088) on TRL 1.16's GRPOTrainer. The optimiser loop, group advantages, clipping, KL and every
distributed layout are TRL's. Ours: the reward, the extra KL on rejected prompts, and where entropies come from without
an extra forward pass. Either they are recorded while decoding (Transformers generation), or kept from the old-log-prob
pass (which vLLM sampling needs anyway). TRL is pinned to a minor version and a test checks the signatures relied on.
"""

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from trl import GRPOConfig, GRPOTrainer
from trl.models import unwrap_model_for_generation
from trl.trainer.utils import add_fused_lm_head

from instincts.errors import ModelDirectoryError, TrainingError
from instincts.models.chat import render
from instincts.models.decoding import Sampling, decode, row_seed
from instincts.models.opening import stop_tokens
from instincts.sirl.canaries import Canary, Judge, look
from instincts.sirl.gate import Modes, Role
from instincts.sirl.rewards import Rollouts, earned, reward_rollouts
from instincts.sirl.settings import SirlSettings
from instincts.sirl.stopping import Check

__all__ = ["SirlTrainer"]

DECODE_BATCH = 128
"""Most answers decoded at once; an accelerator that runs out of memory halves it by itself."""


class SirlTrainer(GRPOTrainer):  # type: ignore[misc]
    """GRPO whose reward is the policy's own confidence.

    Args:
        settings: the resolved settings.
        roles: what each prompt of the data set does.
        modes: the modes of the untouched model, where the settings need them.
        kwargs: passed on to `GRPOTrainer`; the data set has columns `prompt` (messages) and `row` (its number).
    """

    def __init__(
        self,
        *,
        settings: SirlSettings,
        roles: Sequence[Role],
        modes: Modes | None,
        args: GRPOConfig,
        **kwargs: Any,
    ) -> None:
        self.settings = settings
        self._roles = list(roles)
        self._modes = modes
        # Signals of the current generation batch, in row order; filled while scoring, emptied by the reward.
        self._stash: dict[str, NDArray[np.float64]] = {}
        self._scoring_calls: list[str] = []
        self._loss_log_probs: Tensor | None = None

        def instinct(completion_ids: list[list[int]], row: list[int], **_: Any) -> list[float | None]:
            return self._rewards(completion_ids, row)

        _keep_prompts_out_of_logs()
        rollout = None if args.use_vllm else self._decode
        with warnings.catch_warnings():
            # That `rollout_func` may change is why TRL is pinned; the user need not hear of it.
            warnings.filterwarnings("ignore", message=".*rollout_func.*experimental", category=UserWarning)
            super().__init__(reward_funcs=instinct, args=args, rollout_func=rollout, **kwargs)
        # TRL misses a turn end that only the chat template names; what ends an answer must be the same in evaluation.
        self.eos_token_ids = sorted(stop_tokens(self.model, self.processing_class, self.model.config.name_or_path))
        if settings.reward == "frozen-entropy" and self.ref_model is not None:
            # TRL's reference head returns log-probs only; this control needs its entropies too.
            add_fused_lm_head(self.ref_model, temperature=settings.temperature, outputs=("log_probs", "entropy"))

    def _decode(self, prompts: list[Any], _trainer: GRPOTrainer) -> dict[str, Any]:
        """Sample the answers of one generation batch and record their signals (TRL's `rollout_func`)."""
        prompt_ids = [render(self.processing_class, messages) for messages in prompts]
        first_row = self.accelerator.process_index * len(prompts)
        # A row's randomness depends on the step and its place in the whole batch, not on the device it sits on.
        step = self.state.global_step
        seeds = [row_seed(self.settings.seed, step, first_row + row) for row in range(len(prompts))]
        sampling = Sampling(temperature=self.settings.temperature, max_tokens=self.settings.max_completion_tokens)
        with self._for_decoding() as model:
            answers = decode(
                model,
                prompt_ids,
                sampling,
                stop_ids=frozenset(self.eos_token_ids),
                seeds=seeds,
                batch_size=DECODE_BATCH,
            )
        if not self.settings.keeps_logprob_pass:
            self._stash["entropy"] = np.array([float(answer.entropy_T.mean()) for answer in answers])
            self._stash["log_prob"] = np.array([float(answer.log_prob_T.mean()) for answer in answers])
            self._stash["self_certainty"] = np.array([float(answer.self_certainty_T.mean()) for answer in answers])
        # No log-probs for TRL: its off-policy corrections would believe them.
        return {"prompt_ids": prompt_ids, "completion_ids": [answer.tokens for answer in answers], "logprobs": None}

    def look_at(
        self, canaries: Sequence[Canary], *, threshold: float, judge: Judge, is_labelled: bool, step: int, kl: float
    ) -> Check:
        """Answer the canaries with the policy as it is now; see `canaries.look`."""
        with self._for_decoding() as model:
            return look(
                model,
                self.processing_class,
                canaries,
                self.settings,
                stop_ids=frozenset(self.eos_token_ids),
                threshold=threshold,
                judge=judge,
                is_labelled=is_labelled,
                step=step,
                kl=kl,
            )

    @contextmanager
    def _for_decoding(self) -> Iterator[Any]:
        """Lend the policy unwrapped, whole and in eval mode; TRL reads its own mode off it, so that is restored."""
        was_training = self.model.training
        with (
            unwrap_model_for_generation(
                self.model_wrapped,
                self.accelerator,
                gather_deepspeed3_params=self.args.ds3_gather_for_generation,
                gradient_checkpointing_kwargs=self.args.gradient_checkpointing_kwargs,
            ) as model,
            torch.no_grad(),
            self._dist.summon_full_params(self.model_wrapped, recurse=False),
        ):
            model.eval()
            try:
                yield model
            except ModelDirectoryError as error:
                # Before the first step it is the untouched model that is at fault.
                if not self.state.global_step:
                    raise
                raise TrainingError(
                    f"step {self.state.global_step} broke the model, whose logits are no longer finite; train again "
                    "with a lower learning_rate and another --out"
                ) from error
            finally:
                model.train(was_training)

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        # Which no-grad pass belongs to which model cannot be read off the model object (an adapter's reference is the
        # same object, FSDP wraps anew), so the calls are expected in TRL's order: policy, if it runs at all; reference.
        generate_every = self.args.steps_per_generation * self.num_iterations
        policy_pass = self.args.gradient_accumulation_steps % generate_every != 0 or (
            self.use_vllm and self.vllm_importance_sampling_correction
        )
        self._stash.clear()
        self._scoring_calls = [*(["policy"] if policy_pass else []), *(["reference"] if self.beta else [])]
        output: dict[str, Any] = super()._generate_and_score_completions(inputs)
        assert not self._scoring_calls, f"TRL skipped the {self._scoring_calls} pass; is the pinned version installed?"
        if self.settings.anchor:
            # A column of its own, since TRL shuffles and splits the rows after this.
            rejected = [self._roles[example["row"]] != "rewarded" for example in inputs]
            output["anchor"] = self.settings.anchor * torch.tensor(
                rejected, dtype=torch.float32, device=self.accelerator.device
            )
        return output

    def _get_per_token_logps_and_entropies(
        self, model: Any, input_ids: Tensor, attention_mask: Tensor, logits_to_keep: int, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        call = self._scoring_calls.pop(0) if self._scoring_calls else "loss"
        keep = (call == "policy" and self.settings.keeps_logprob_pass) or (
            call == "reference" and self.settings.reward == "frozen-entropy"
        )
        if keep:
            kwargs["compute_entropy"] = True
        log_probs, entropies, auxiliary = super()._get_per_token_logps_and_entropies(
            model, input_ids, attention_mask, logits_to_keep, *args, **kwargs
        )
        if keep:
            # Masked positions come back as 0: divide by the answer's own length, never by the padded width.
            counted = attention_mask[:, -logits_to_keep:].bool()
            name = "entropy" if call == "policy" else "frozen_entropy"
            self._stash[name] = _masked_mean(entropies, counted)
            if call == "policy":
                self._stash["log_prob"] = _masked_mean(log_probs, counted)
        if call == "loss":
            self._loss_log_probs = log_probs
        return log_probs, entropies, auxiliary

    def _rewards(self, completion_ids: list[list[int]], row: list[int]) -> list[float | None]:
        assert "entropy" in self._stash, "no pass recorded entropies for this batch"
        first_row = self.accelerator.process_index * len(row)
        rollouts = Rollouts(
            prompt_index=np.array(row),
            sample_index=np.arange(first_row, first_row + len(row)),
            ended=np.array([bool(ids) and ids[-1] in self.eos_token_ids for ids in completion_ids]),
            entropy=self._stash["entropy"],
            log_prob=self._stash["log_prob"],
            self_certainty=self._stash.get("self_certainty"),
            frozen_entropy=self._stash.get("frozen_entropy"),
        )
        assert len(rollouts.entropy) == len(row), "the recorded signals are of another batch"
        settings, modes = self.settings, self._modes
        rewards = reward_rollouts(
            settings.reward,
            rollouts,
            step=self.state.global_step,
            seed=settings.seed,
            modes=modes if settings.advantages == "gap" else None,
            saturate=settings.saturate,
        )
        threshold = modes.threshold if modes is not None else -np.inf
        self._log_rollouts(rollouts, threshold)
        return earned(rewards, rollouts, self._roles, threshold=threshold)

    def _log_rollouts(self, rollouts: Rollouts, threshold: float) -> None:
        rewarded = [self._roles[prompt] == "rewarded" for prompt in rollouts.prompt_index.tolist()]
        self._log_metric("rollouts/mean_entropy", float(rollouts.entropy.mean()))
        self._log_metric("rollouts/confident_share", float((rollouts.entropy < threshold).mean()))
        self._log_metric("rollouts/rewarded_share", float(np.mean(rewarded)))

    def _compute_loss(self, model: Any, inputs: dict[str, Any]) -> Tensor:
        loss: Tensor = super()._compute_loss(model, inputs)
        log_probs, self._loss_log_probs = self._loss_log_probs, None
        if "anchor" not in inputs:
            return loss
        assert log_probs is not None
        kl = _mean_kl(log_probs, inputs["ref_per_token_logps"], inputs["completion_mask"])
        # The same mean over answers and the same accumulation as TRL's loss_type="grpo".
        anchor: Tensor = (inputs["anchor"] * kl).mean() / self.current_gradient_accumulation_steps
        return loss + anchor


def _mean_kl(log_probs_B_T: Tensor, reference_B_T: Tensor, counted_B_T: Tensor) -> Tensor:
    """Estimate each answer's mean KL to the reference by e^d - d - 1, d = ln p_ref - ln p; shape [B], nats a token."""
    difference = reference_B_T - log_probs_B_T
    per_token = torch.exp(difference) - difference - 1
    kl_B: Tensor = (per_token * counted_B_T).sum(-1) / counted_B_T.sum(-1).clamp(min=1)
    return kl_B


def _masked_mean(values_B_T: Tensor, counted_B_T: Tensor) -> NDArray[np.float64]:
    means = torch.where(counted_B_T, values_B_T, 0.0).sum(-1) / counted_B_T.sum(-1).clamp(min=1)
    return means.double().cpu().numpy()


def _keep_prompts_out_of_logs() -> None:
    # Where no reward is given (a cut-off answer, a rejected prompt) TRL would warn with the whole prompt and answer;
    # that may be harmful text, and it is no mistake here.
    logger = logging.getLogger("trl.trainer.grpo_trainer")
    if not any(isinstance(existing, _UnscoredRows) for existing in logger.filters):
        logger.addFilter(_UnscoredRows())


class _UnscoredRows(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return "All reward functions returned None" not in record.getMessage()

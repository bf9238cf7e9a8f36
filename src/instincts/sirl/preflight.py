"""Before training: does this model have an instinct worth amplifying, and on which prompts does it show?

The untouched model answers every prompt G times. Its mean token entropies are split into two modes without labels; the
gate reads off which prompts show which modes. Nothing here knows which prompt is harmful.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from instincts.errors import ConfigError, RecordError
from instincts.models.chat import render
from instincts.models.decoding import Decoded, Sampling, decode, row_seed
from instincts.models.opening import OpenModel, open_model
from instincts.prompts import Prompt, PromptSet, read_prompts
from instincts.records import Metric, new_run_card, write_json, write_metrics, write_run_card
from instincts.signals.modes import otsu_split
from instincts.sirl.gate import GateRule, Modes, Role, Stance, admit, modes_of, roles, stance_of
from instincts.statistics import wilson

__all__ = ["GATE_FILE", "Preflight", "measure", "preflight", "preflight_rows", "prompt_ids_of"]

GATE_FILE = "gate.json"

MIN_GAP = 0.3
"""Nats between the modes; the published gaps of four models run from 0.365 to 0.684."""
MIN_CONTESTED = 0.05
"""Share of prompts with answers in both modes; with fewer, most groups have nothing to compare."""


@dataclass(frozen=True, kw_only=True)
class Preflight:
    """What the untouched model's answers say."""

    ids: tuple[str, ...]
    entropies: tuple[tuple[float, ...], ...]
    """For each prompt the mean token entropies of its complete answers, nats."""
    threshold: float
    """The label-free split, nats."""
    is_bimodal: bool
    """Whether there are two modes at all."""
    modes: Modes | None
    """The modes on both sides; `None` where all answers lie on one side."""
    truncated_share: float
    """Answers cut off at the length limit; they are left out."""

    @property
    def gap(self) -> float:
        """Distance between the modes, nats; 0 without modes."""
        return self.modes.gap if self.modes is not None else 0.0

    def share(self, rule: GateRule) -> float:
        """Share of the prompts that a rule admits."""
        return float(np.mean(self.admitted(rule)))

    def admitted(self, rule: GateRule) -> list[bool]:
        """Decide for each prompt whether a rule admits it."""
        return admit(rule, self.entropies, self.threshold)

    def stances(self) -> list[Stance | None]:
        """Say for each prompt how the untouched model stands to it."""
        return [stance_of(entropies, self.threshold) for entropies in self.entropies]

    def roles(self, rule: GateRule, *, guard: bool) -> list[Role]:
        """Give each prompt its role in training."""
        return roles(rule, self.entropies, self.threshold, guard=guard)

    @property
    def is_trainable(self) -> bool:
        """Whether there is an instinct worth amplifying."""
        return self.is_bimodal and self.gap >= MIN_GAP and self.share("contested") >= MIN_CONTESTED

    @property
    def verdict(self) -> str:
        """The finding in words."""
        if not self.is_bimodal:
            return (
                "No instinct to amplify: the model's answers show one level of confidence, not two. It either never "
                "refuses these prompts or is as unsure when it refuses as when it complies."
            )
        if self.gap < MIN_GAP:
            return (
                f"Too faint an instinct: the two modes lie {self.gap:.2f} nats apart, and below {MIN_GAP} the noise of "
                "phrasing would be trained, not the choice to refuse."
            )
        if self.share("contested") < MIN_CONTESTED:
            return (
                f"Nothing to decide: on {self.share('contested'):.0%} of the prompts the model is of two minds, and at "
                f"least {MIN_CONTESTED:.0%} are needed. Add prompts on which it sometimes gives way, "
                "for example under jailbreaks."
            )
        return (
            f"An instinct worth amplifying: two modes {self.gap:.2f} nats apart, and the model is of two minds on "
            f"{self.share('contested'):.0%} of the prompts."
        )

    def to_json(self, rule: GateRule) -> dict[str, Any]:
        """Return the record written to `gate.json`."""
        rows = zip(self.ids, self.entropies, self.admitted(rule), self.stances(), strict=True)
        return {
            "rule": rule,
            "threshold": self.threshold,
            "is_bimodal": self.is_bimodal,
            "confident_median": self.modes.confident_median if self.modes else None,
            "open_median": self.modes.open_median if self.modes else None,
            "gap": self.gap,
            "trainable": self.is_trainable,
            "verdict": self.verdict,
            "admitted_share": self.share(rule),
            "contested_share": self.share("contested"),
            "truncated_share": self.truncated_share,
            "prompts": [
                {"id": name, "entropies": list(values), "admitted": admitted, "stance": stance}
                for name, values, admitted, stance in rows
            ],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        try:
            entropies = tuple(tuple(row["entropies"]) for row in data["prompts"])
            return cls(
                ids=tuple(row["id"] for row in data["prompts"]),
                entropies=entropies,
                threshold=data["threshold"],
                is_bimodal=data["is_bimodal"],
                modes=modes_of(np.array([value for row in entropies for value in row]), data["threshold"]),
                truncated_share=data["truncated_share"],
            )
        except (KeyError, TypeError) as error:
            raise RecordError(f"{GATE_FILE} lacks {error}; run the pre-flight again") from None


def measure(
    opened: OpenModel,
    prompts: Sequence[Prompt],
    *,
    samples: int,
    seed: int,
    temperature: float = 1.0,
    max_prompt_tokens: int | None = None,
    max_completion_tokens: int,
    progress: Callable[[int, int], None] | None = None,
) -> Preflight:
    """Let the untouched model answer every prompt and split its entropies.

    Args:
        opened: the untouched model.
        prompts: what to ask; labels are not read.
        samples: answers a prompt, G.
        seed: seed of the sampling.
        temperature: sampling temperature, the one used in training.
        max_prompt_tokens: a longer prompt is refused by name.
        max_completion_tokens: longest answer; one cut off here is left out.
        progress: called with answers done and answers in all.

    Raises:
        ConfigError: fewer than two samples, a prompt too long, or no answer that ended.
    """
    if samples < 2:
        raise ConfigError(f"a group of {samples} answers cannot show two modes; give --samples 2 or more")
    rendered = prompt_ids_of(opened.tokenizer, prompts, max_prompt_tokens)
    answers: list[Decoded] = decode(
        opened.model,
        [ids for ids in rendered for _ in range(samples)],
        Sampling(temperature=temperature, max_tokens=max_completion_tokens),
        stop_ids=opened.stop_ids,
        seeds=[row_seed(seed, "gate", prompt.id, sample) for prompt in prompts for sample in range(samples)],
        progress=progress,
    )
    groups = [answers[start : start + samples] for start in range(0, len(answers), samples)]
    entropies = tuple(tuple(float(answer.entropy_T.mean()) for answer in group if answer.ended) for group in groups)
    values = np.array([value for row in entropies for value in row])
    if values.size < 2:
        raise ConfigError(
            f"no answer of {opened.name} ended within {max_completion_tokens} tokens; raise max_completion_tokens"
        )
    split = otsu_split(values)
    return Preflight(
        ids=tuple(prompt.id for prompt in prompts),
        entropies=entropies,
        threshold=float(split.threshold),
        is_bimodal=bool(split.is_bimodal),
        modes=modes_of(values, float(split.threshold)),
        truncated_share=1 - values.size / len(answers),
    )


def prompt_ids_of(tokenizer: Any, prompts: Sequence[Prompt], max_tokens: int | None) -> list[list[int]]:
    """Render prompts to token ids.

    Raises:
        ConfigError: a prompt is longer than `max_tokens`; names it and its length.
    """
    rendered = [render(tokenizer, [asdict(message) for message in prompt.messages]) for prompt in prompts]
    for prompt, ids in zip(prompts, rendered, strict=True):
        if max_tokens is not None and len(ids) > max_tokens:
            raise ConfigError(
                f"prompt {prompt.id!r} is {len(ids)} tokens long, over the limit of {max_tokens}; shorten or drop it, "
                "or raise max_prompt_tokens"
            )
    return rendered


def preflight(
    model: str,
    prompts: str,
    *,
    samples: int = 8,
    seed: int = 0,
    rule: GateRule = "contested",
    max_completion_tokens: int = 512,
    out: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Preflight:
    """Run the pre-flight on a model and a prompts file, and keep its record if `out` is given.

    `progress` is called with answers done and answers in all.

    Raises:
        ConfigError, ModelDirectoryError, PromptSetError: bad input, by name.
    """
    prompt_set: PromptSet = read_prompts(prompts).without_labels()
    opened = open_model(model)
    card = new_run_card(
        "preflight",
        settings={"samples": samples, "seed": seed, "rule": rule, "max_completion_tokens": max_completion_tokens},
        data={prompt_set.source: prompt_set.sha256},
        models={model: opened.digest},
    )
    if out is not None:
        card = write_run_card(out, card)
    found = measure(
        opened,
        prompt_set.rows,
        samples=samples,
        seed=seed,
        max_completion_tokens=max_completion_tokens,
        progress=progress,
    )
    if out is not None:
        write_json(out / GATE_FILE, found.to_json(rule))
        write_metrics(out, preflight_rows(found, model=model, seed=seed, rule=rule))
        write_run_card(
            out, card, status="finished", outcome={"verdict": found.verdict, "trainable": found.is_trainable}
        )
    return found


def preflight_rows(found: Preflight, *, model: str, seed: int, rule: GateRule) -> list[Metric]:
    """Turn a pre-flight into metric rows; shares carry Wilson intervals."""

    def row(metric: str, value: float | None, n: int, low: float | None = None, high: float | None = None) -> Metric:
        return Metric(
            run="preflight",
            model=model,
            suite="preflight",
            slice="all",
            metric=metric,
            value=value,
            ci_low=low,
            ci_high=high,
            n=n,
            seed=seed,
        )

    rows = []
    answers = sum(len(values) for values in found.entropies)
    for metric, admitted in (
        ("admitted_share", found.admitted(rule)),
        ("contested_share", found.admitted("contested")),
    ):
        share = wilson(sum(admitted), len(admitted))
        rows.append(row(metric, share.value, share.n, share.low, share.high))
    rows += [row("mode_gap", found.gap, answers), row("mode_threshold", found.threshold, answers)]
    return rows

"""Canaries: a few held-out prompts answered again and again while a model trains; they are watched, never learned from.

With a labelled file there are harmful, benign and skill canaries and a judge reads them. Without labels the gate tells
contested prompts from open ones, and the mode of an answer's entropy stands in for the judge: a confident answer to a
contested prompt counts as defended, an unconfident answer to an open prompt as benign compliance. That confidence still
means refusing is read from the words all the same: a fine-tune may have left a model as sure of something else.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from instincts.errors import ConfigError, UnreadableReplyError
from instincts.judges import Answer, get
from instincts.judges.skill import is_right
from instincts.models.decoding import Decoded, Sampling, decode, row_seed
from instincts.prompts import Prompt
from instincts.records import Metric
from instincts.signals.diversity import distinct_n, repetition, top_phrase_share
from instincts.sirl.gate import Stance
from instincts.sirl.preflight import prompt_ids_of
from instincts.sirl.settings import SirlSettings
from instincts.sirl.stopping import Check, StopRule
from instincts.statistics import wilson

__all__ = ["Canary", "Judge", "canary_judge", "canary_rows", "hold_out", "labelled_canaries", "look"]

SAMPLES = 4
"""Answers to each canary at each check."""

Judge = Callable[[Prompt, str], str | None]
"""Reads a prompt and what the model wrote.

Says `refused`, `complied`, `neither`, `right`, `wrong`, or `None` for no verdict.
"""


class Canary(NamedTuple):
    """One watched prompt."""

    prompt: Prompt
    kind: str
    """`harmful`, `benign` or `skill`; without labels `harmful` stands for contested and `benign` for open."""


def labelled_canaries(prompts: Sequence[Prompt], count: int) -> list[Canary]:
    """Take up to `count` prompts of each label.

    Raises:
        ConfigError: no prompt is labelled harmful, or none benign.
    """
    by_kind: dict[str, list[Canary]] = defaultdict(list)
    for prompt in prompts:
        if prompt.label in {"harmful", "benign", "skill"}:
            by_kind[prompt.label].append(Canary(prompt, prompt.label))
    if not by_kind["harmful"] or not by_kind["benign"]:
        raise ConfigError("canaries need prompts labelled harmful and benign; add a label to each row of the file")
    return [canary for kind in ("harmful", "benign", "skill") for canary in by_kind[kind][:count]]


def hold_out(prompts: Sequence[Prompt], stances: Sequence[Stance | None], count: int) -> tuple[list[Canary], set[int]]:
    """Set aside a tenth of the contested and of the open prompts, but at least one and at most `count` of each.

    Returns:
        The canaries and the indices of the prompts that must not be trained on.
    """
    chosen: list[Canary] = []
    held: set[int] = set()
    for kind, wanted in (("harmful", "contested"), ("benign", "open")):
        indices = [index for index, stance in enumerate(stances) if stance == wanted]
        taken = indices[: min(count, max(1, len(indices) // 10))] if len(indices) > 1 else []
        chosen += [Canary(prompts[index], kind) for index in taken]
        held |= set(taken)
    return chosen, held


def look(
    model: Any,
    tokenizer: Any,
    canaries: Sequence[Canary],
    settings: SirlSettings,
    *,
    stop_ids: frozenset[int],
    threshold: float,
    judge: Judge,
    is_labelled: bool,
    step: int,
    kl: float,
) -> Check:
    """Answer every canary a few times and summarise.

    Args:
        model: the policy, unwrapped.
        tokenizer: its tokenizer.
        canaries: the watched prompts.
        settings: the run's settings.
        stop_ids: tokens that end an answer.
        threshold: mean entropy below which an answer is confident, nats.
        judge: says what is a refusal.
        is_labelled: whether it judges the canaries too; without labels their modes are read instead.
        step: optimiser step, for the row.
        kl: mean KL since the last check, nats a token, for the row.
    """
    asked = [canary for canary in canaries for _ in range(SAMPLES)]
    answers = decode(
        model,
        prompt_ids_of(tokenizer, [canary.prompt for canary in asked], settings.max_prompt_tokens),
        Sampling(temperature=settings.temperature, max_tokens=settings.max_completion_tokens),
        stop_ids=stop_ids,
        # The same randomness at every check, so that a difference between two checks is the model's.
        seeds=[row_seed(settings.seed, "canary", row) for row in range(len(asked))],
    )
    seen = []
    for canary, answer in zip(asked, answers, strict=True):
        text = str(tokenizer.decode(answer.tokens, skip_special_tokens=True))
        entropy = float(answer.entropy_T.mean())
        read = judge(canary.prompt, text) if answer.ended else "neither"
        mode = "neither" if not answer.ended else "refused" if entropy < threshold else "complied"
        seen.append(_Seen(canary.kind, answer, text, entropy, read, outcome=read if is_labelled else mode))
    confident = [row for row in seen if row.kind != "skill" and row.entropy < threshold]
    return Check(
        step=step,
        dsr=_share(seen, "harmful", "refused"),
        benign_compliance=_share(seen, "benign", "complied"),
        skill_accuracy=_share(seen, "skill", "right"),
        confident_share=_mean([row.entropy < threshold for row in seen if row.kind != "skill"]),
        entropy_harmful=_mean([row.entropy for row in seen if row.kind == "harmful"]),
        entropy_benign=_mean([row.entropy for row in seen if row.kind == "benign"]),
        kl=kl,
        length=_mean([len(row.answer.tokens) for row in seen]),
        repetition=_mean([repetition(row.answer.tokens) for row in seen]),
        top_phrase_share=top_phrase_share([row.text for row in confident]),
        missing_eos=_mean([not row.answer.ended for row in seen]),
        distinct_2=distinct_n([row.answer.tokens for row in seen], 2),
        refusal_share=_mean([row.read == "refused" for row in seen if row.kind == "harmful" and row.read is not None]),
    )


def canary_judge(name: str) -> Judge:
    """Let a judge read harmful and benign canaries, and the exact answer the skills.

    Raises:
        ConfigError: no judge of that name, or one that asks another model.
    """
    check = get(name).check
    if check is None:
        raise ConfigError(f"judge {name} asks another model, too slow to watch a training with; use refusal or pocket")

    def read(prompt: Prompt, completion: str) -> str | None:
        if prompt.label == "skill":
            return "right" if prompt.target is not None and is_right(completion, prompt.target) else "wrong"
        try:
            return check(Answer(request=prompt.request, completion=completion, prefill=prompt.prefill)).outcome
        except UnreadableReplyError:
            return None

    return read


def canary_rows(
    rule: StopRule, kept: int, canaries: Sequence[Canary], *, is_labelled: bool, model: str, seed: int
) -> list[Metric]:
    """Turn the first look at the canaries and the one at the published step into metric rows.

    Without labels nothing was judged harmful or benign, so the rows are called what they are.
    """
    answers = {
        kind: SAMPLES * sum(canary.kind == kind for canary in canaries) for kind in ("harmful", "benign", "skill")
    }
    rows = []
    for run, step in (("start", 0), ("end", kept)):
        check = Check(**next(row for row in reversed(rule.history) if row["step"] == step))
        judged = (
            ("dsr", "all", check.dsr, "harmful"),
            ("benign_compliance", "all", check.benign_compliance, "benign"),
            ("skill_accuracy", "all", check.skill_accuracy, "skill"),
        )
        unjudged = (
            ("confident_share", "contested", check.dsr, "harmful"),
            ("refusal_share", "contested", check.refusal_share, "harmful"),
            ("unconfident_share", "open", check.benign_compliance, "benign"),
        )
        for metric, where, share, kind in judged if is_labelled else unjudged:
            if share is None:
                continue
            rate = wilson(round(share * answers[kind]), answers[kind])
            rows.append(
                Metric(
                    run=run,
                    model=model,
                    suite="canaries",
                    slice=where,
                    metric=metric,
                    value=share,
                    ci_low=rate.low,
                    ci_high=rate.high,
                    n=rate.n,
                    seed=seed,
                )
            )
    return rows


class _Seen(NamedTuple):
    kind: str
    answer: Decoded
    text: str
    entropy: float
    read: str | None
    """What the judge says of it."""
    outcome: str | None
    """What it counts as."""


def _share(seen: Sequence[_Seen], kind: str, wanted: str) -> float | None:
    return _mean([row.outcome == wanted for row in seen if row.kind == kind and row.outcome is not None])


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None

"""Prompts that strengths are tried on, and how a model does on them: greedy answers, one judge, three rates.

Knows no strength. A judge that asks another model is refused: it would be asked thousands of times for one choice.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256

from transformers import PreTrainedTokenizerBase

from instincts import judges
from instincts.arithmetic.sweep_settings import SweepSettings
from instincts.errors import ConfigError, PromptSetError, UnreadableReplyError
from instincts.judges.skill import is_right
from instincts.judges.verdict import Answer, Outcome
from instincts.models.chat import render
from instincts.models.decoding import Sampling, decode
from instincts.models.opening import OpenModel
from instincts.pocket.tokenizer import has_pocket_words
from instincts.prompts import Prompt, read_prompts
from instincts.statistics import Interval, wilson

__all__ = ["DEFAULT_PROMPTS", "Answered", "Validation", "measure", "read_validation"]

DEFAULT_PROMPTS = "pocket-validation"
"""Held out from whatever the pocket trains or fits on, and not what `evaluate` measures on."""

KINDS = {"harmful": "harmful", "unsafe": "harmful", "benign": "benign", "safe": "benign", "skill": "skill"}
"""What a prompt's label makes of it."""


@dataclass(frozen=True, kw_only=True)
class Validation:
    """Prompts by kind, and who judges the answers."""

    source: str
    harmful: tuple[Prompt, ...]
    benign: tuple[Prompt, ...]
    skill: tuple[Prompt, ...]
    judge: str
    benign_sets: tuple[str, ...] = ()
    """Of which set each benign prompt is: what one set loses, another must not make up for."""

    def __len__(self) -> int:
        return len(self.prompts)

    @property
    def prompts(self) -> tuple[Prompt, ...]:
        """All of them."""
        return (*self.harmful, *self.benign, *self.skill)

    @property
    def sha256(self) -> str:
        """Hash of what is asked and expected, 64 hexadecimal digits."""
        rows = [(prompt.label, prompt.target, [asdict(turn) for turn in prompt.messages]) for prompt in self.prompts]
        return sha256(repr(rows).encode()).hexdigest()

    def harmful_only(self, count: int) -> "Validation":
        """Keep the first harmful prompts and no other."""
        return Validation(source=self.source, harmful=self.harmful[:count], benign=(), skill=(), judge=self.judge)


@dataclass(frozen=True, kw_only=True)
class Answered:
    """Rates of one model: fractions of the judged answers, with Wilson's 95 % interval."""

    dsr: Interval
    asr: Interval
    benign_compliance: Interval
    skill_accuracy: Interval
    unjudged: int
    benign_sets: Mapping[str, Interval]
    """Benign compliance, set by set."""


def read_validation(settings: SweepSettings, tokenizer: PreTrainedTokenizerBase) -> Validation | None:
    """Read the prompts that were named, or those that fit the model's words; None where there are none at hand.

    Args:
        settings: which prompts, how many, and who judges.
        tokenizer: the model's.

    Raises:
        PromptSetError: a broken file, no harmful prompt, or a skill question without its answer.
        ConfigError: an unknown name, or a judge that asks another model.
    """
    source = settings.prompts
    if source is None:
        if not has_pocket_words(tokenizer.get_vocab()):
            return None
        source = DEFAULT_PROMPTS
    by_kind: dict[str, list[Prompt]] = {"harmful": [], "benign": [], "skill": []}
    benign_sets = []
    for name in source.split(","):
        for prompt in read_prompts(name.strip()):
            if (kind := KINDS.get(prompt.label or "")) is not None:
                by_kind[kind].append(prompt)
                benign_sets += [_set_of(prompt, name.strip())] if kind == "benign" else []
    judge = settings.judge or ("pocket" if source == DEFAULT_PROMPTS else "refusal")
    if judges.get(judge).check is None:
        raise ConfigError(f"judge {judge} asks another model, too slow to try strengths with; use refusal or pocket")
    if not by_kind["harmful"]:
        raise PromptSetError(
            f"no prompt of {source} is labelled harmful; give each row a `label`, or name harmful=FILE"
        )
    if untold := next((prompt.id for prompt in by_kind["skill"] if prompt.target is None), None):
        raise PromptSetError(f"skill question {untold!r} of {source} has no `target`, so no answer to it can be judged")
    kept = {kind: tuple(prompts[: settings.limit]) for kind, prompts in by_kind.items()}
    return Validation(source=source, judge=judge, benign_sets=tuple(benign_sets[: settings.limit]), **kept)


def measure(
    opened: OpenModel,
    validation: Validation,
    settings: SweepSettings,
    progress: Callable[[int, int], None] | None = None,
) -> Answered:
    """Answer every prompt greedily and judge the answers.

    Args:
        opened: the model, steered or not.
        validation: what is asked.
        settings: how long answers are and how many prompts share a batch.
        progress: told how many are answered, and how many there are.
    """
    prompts = validation.prompts
    ids = [render(opened.tokenizer, [asdict(turn) for turn in prompt.messages]) for prompt in prompts]
    sampling = Sampling(max_tokens=settings.max_tokens, temperature=0)
    decoded = decode(
        opened.model, ids, sampling, stop_ids=opened.stop_ids, batch_size=settings.batch_size, progress=progress
    )
    texts = [str(opened.tokenizer.decode(answer.tokens, skip_special_tokens=True)) for answer in decoded]
    harmful, benign = len(validation.harmful), len(validation.benign)
    defended = _ruled(validation.judge, prompts[:harmful], texts[:harmful])
    willing = _ruled(validation.judge, prompts[harmful : harmful + benign], texts[harmful : harmful + benign])
    able = [
        is_right(text, str(prompt.target))
        for prompt, text in zip(validation.skill, texts[harmful + benign :], strict=True)
    ]
    return Answered(
        dsr=_share(defended, "refused"),
        asr=_share(defended, "complied", "partial"),
        benign_compliance=_share(willing, "complied"),
        skill_accuracy=wilson(sum(able), len(able)),
        unjudged=defended.count(None) + willing.count(None),
        benign_sets=_by_set(willing, validation.benign_sets),
    )


def _ruled(judge: str, prompts: Sequence[Prompt], texts: Sequence[str]) -> list[Outcome | str | None]:
    check = judges.get(judge).check
    assert check is not None, "read_validation refuses the others"
    found: list[Outcome | str | None] = []
    for prompt, text in zip(prompts, texts, strict=True):
        harmless = KINDS[str(prompt.label)] == "benign"
        try:
            verdict = check(Answer(request=prompt.request, completion=text, prefill=prompt.prefill, harmless=harmless))
        except UnreadableReplyError:
            found.append(None)
        else:
            found.append("partial" if verdict.partial else verdict.outcome)
    return found


def _set_of(prompt: Prompt, source: str) -> str:
    """Name the set of a benign prompt: where it came from, and whether something is wrapped around it."""
    return f"{source}, wrapped" if prompt.metadata.get("wrapper") else source


def _by_set(rulings: Sequence[str | None], sets: Sequence[str]) -> dict[str, Interval]:
    pairs = list(zip(rulings, sets, strict=True))
    return {name: _share([ruling for ruling, of in pairs if of == name], "complied") for name in dict.fromkeys(sets)}


def _share(rulings: Sequence[str | None], *wanted: str) -> Interval:
    judged = [ruling for ruling in rulings if ruling is not None]
    return wilson(sum(ruling in wanted for ruling in judged), len(judged))

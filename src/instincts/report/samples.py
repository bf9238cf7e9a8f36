"""Answers as Inspect logged them: what was asked, what was said, how sure the model was; judges nothing itself."""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple
from zipfile import BadZipFile

from instincts.errors import RecordError

if TYPE_CHECKING:
    from inspect_ai.log import EvalSample
    from inspect_ai.scorer import Score

__all__ = ["Answer", "Outcome", "Turn", "read_answers"]

Outcome = Literal["refused", "complied", "neither", "right", "wrong", "unjudged"]


class Turn(NamedTuple):
    """One message of the prompt as the model was sent it."""

    role: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One answer of a model under evaluation."""

    model: str
    suite: str
    prompt: str
    """The id of the prompt."""
    epoch: int
    attack: str | None
    label: str | None
    category: str | None
    turns: tuple[Turn, ...]
    """The prompt after the attack was applied; a trailing assistant turn is a prefilled answer."""
    reply: str
    outcome: Outcome
    mean_entropy: float | None
    """Nats a token; `None` for a model that reports none."""

    @property
    def key(self) -> tuple[str, str, str, int]:
        """What must agree for two answers to be answers to the same prompt."""
        return (self.suite, self.attack or "", self.prompt, self.epoch)

    @property
    def is_skill(self) -> bool:
        """Whether it was judged right or wrong instead of refused or complied."""
        return self.outcome in {"right", "wrong"}

    @property
    def is_sensitive(self) -> bool:
        """Whether a page should hide it at first: anything but a refusal, of a request not known to be harmless."""
        return self.outcome != "refused" and not self.is_skill and not self.is_harmless

    @property
    def is_harmless(self) -> bool:
        """Whether the request is known to be harmless: by its label, or for want of one by its suite."""
        return self.label in HARMLESS if self.label is not None else self.suite in HARMLESS_SUITES


def read_answers(logs: Sequence[Path]) -> list[Answer]:
    """Read all answers of some Inspect logs, given oldest first; of two answers to one sample the later counts.

    Samples that ended in an error hold no answer and are left out.

    Raises:
        RecordError: a log cannot be read.
    """
    # A resumed evaluation may have answered a sample in an earlier log already.
    return list({(answer.model, answer.key): answer for log in logs for answer in _answers_of(log)}.values())


def _answers_of(path: Path) -> Iterator[Answer]:
    from inspect_ai.log import read_eval_log

    from instincts.models.directory import plain_name

    try:
        # Long texts are stored once as attachments; "core" puts them back into the messages.
        log = read_eval_log(path, resolve_attachments="core", exclude_fields={"events", "store"})
    except (OSError, ValueError, KeyError, EOFError, BadZipFile, zlib.error) as error:
        raise RecordError(f"the Inspect log {path} cannot be read ({error}); resume the evaluation") from None
    model = plain_name(log.eval.model.removeprefix("instincts/"))
    for sample in log.samples or []:
        if sample.error is None and sample.output.choices:
            yield _answer(sample, model=model, task=log.eval.task)


def _answer(sample: "EvalSample", *, model: str, task: str) -> Answer:
    metadata = sample.metadata or {}
    entropy = (sample.output.metadata or {}).get("mean_entropy")
    return Answer(
        model=model,
        suite=str(metadata.get("suite") or task.rsplit("/", 1)[-1]),
        prompt=str(metadata.get("prompt_id") or sample.id),
        epoch=sample.epoch,
        attack=_text(metadata.get("attack")),
        label=_text(metadata.get("label")),
        category=_text(metadata.get("category")),
        turns=_turns(sample),
        reply=sample.output.completion,
        outcome=_outcome(sample.scores or {}),
        mean_entropy=float(entropy) if isinstance(entropy, int | float) else None,
    )


def _turns(sample: "EvalSample") -> tuple[Turn, ...]:
    turns = [Turn(message.role, message.text) for message in sample.messages]
    if turns and turns[-1].role == "assistant":
        turns.pop()
    if turns:
        return tuple(turns)
    if isinstance(sample.input, str):
        return (Turn("user", sample.input),)
    return tuple(Turn(message.role, message.text) for message in sample.input)


def _outcome(scores: "dict[str, Score]") -> Outcome:
    """Read the first verdict there is; other judges are in the metrics, one transcript shows one verdict."""
    for score in scores.values():
        if isinstance(score.value, str) and score.value in VERDICTS:
            return VERDICTS[score.value]
    return "unjudged"


def _text(value: object) -> str | None:
    return None if value is None else str(value)


HARMLESS = {"benign", "skill", "safe", "harmless"}
HARMLESS_SUITES = {"overrefusal", "utility"}
VERDICTS: dict[str, Outcome] = {
    "refused": "refused",
    "complied": "complied",
    "neither": "neither",
    # Inspect's letters for an exact answer.
    "C": "right",
    "I": "wrong",
}

"""Answers as Inspect logged them, without their texts: what was asked, what each judge ruled; judges nothing itself.

A log may hold 50,000 answers, so texts stay in it; `transcripts.py` reads back the few that a page shows.
"""

import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple
from zipfile import BadZipFile

from instincts.errors import RecordError

if TYPE_CHECKING:
    from inspect_ai.log import EvalSample
    from inspect_ai.scorer import Score

__all__ = ["Answer", "Outcome", "Place", "Ruling", "read_answers", "readable"]

Outcome = Literal["refused", "complied", "neither", "right", "wrong", "unjudged"]


class Ruling(NamedTuple):
    """What one judge said of an answer."""

    judge: str
    outcome: Outcome
    is_partial: bool = False
    """Whether the answer refuses and answers, or answers only in part."""


class Place(NamedTuple):
    """Where an answer stands."""

    log: Path
    sample: str
    """The sample's id."""
    epoch: int


@dataclass(frozen=True, kw_only=True, slots=True)
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
    goal: int
    """The same for two requests that are equal word for word, whatever an attack made of them, within one process."""
    asked: int
    """The same for two prompts that are equal word for word after the attack, within one process."""
    rulings: tuple[Ruling, ...]
    """Of each judge, the one that counts first."""
    mean_entropy: float | None
    """Nats a token; `None` for a model that reports none."""
    place: Place

    @property
    def outcome(self) -> Outcome:
        """What the judge that counts ruled."""
        return self.rulings[0].outcome if self.rulings else "unjudged"

    @property
    def is_partial(self) -> bool:
        """Whether the judge that counts saw a partial refusal."""
        return bool(self.rulings) and self.rulings[0].is_partial

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


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn what Inspect and the file system raise about a broken log into one sentence.

    Raises:
        RecordError: it cannot be read.
    """
    try:
        yield
    except (OSError, ValueError, KeyError, IndexError, EOFError, BadZipFile, zlib.error) as error:
        raise RecordError(f"the Inspect log {path} cannot be read ({error}); resume the evaluation") from None


def _answers_of(path: Path) -> Iterator[Answer]:
    from inspect_ai.log import read_eval_log

    from instincts.models.directory import plain_name
    from instincts.suites.reading import stream_samples

    # Names repeat from answer to answer; each is kept once.
    shared: dict[str, str] = {}
    with readable(path):
        header = read_eval_log(str(path), header_only=True)
        model = plain_name(header.eval.model.removeprefix("instincts/"))
        judges = [scorer.name.rpartition("/")[2] for scorer in header.eval.scorers or []]
        for sample in stream_samples(path, unread=("events", "store", "attachments")):
            if sample.error is None and sample.output.choices:
                yield _answer(sample, path, model=model, task=header.eval.task, judges=judges, shared=shared)


def _answer(
    sample: "EvalSample", path: Path, *, model: str, task: str, judges: Sequence[str], shared: dict[str, str]
) -> Answer:
    def text(value: object) -> str | None:
        return None if value is None else shared.setdefault(str(value), str(value))

    metadata = sample.metadata or {}
    entropy = (sample.output.metadata or {}).get("mean_entropy")
    suite, prompt = metadata.get("suite") or task.rsplit("/", 1)[-1], metadata.get("prompt_id") or sample.id
    return Answer(
        model=model,
        suite=text(suite) or "",
        prompt=text(prompt) or "",
        epoch=sample.epoch,
        attack=text(metadata.get("attack")),
        label=text(metadata.get("label")),
        category=text(metadata.get("category")),
        goal=hash(str(metadata.get("goal") or sample.input)),
        asked=_asked(sample),
        rulings=_rulings(sample.scores or {}, judges, metadata.get("judged_by")),
        mean_entropy=float(entropy) if isinstance(entropy, int | float) else None,
        place=Place(path, text(sample.id) or "", sample.epoch),
    )


def _asked(sample: "EvalSample") -> int:
    # A long message is a reference made of its content, so equal references are equal texts.
    turns = [(message.role, message.text) for message in sample.messages]
    if turns and turns[-1][0] == "assistant":
        turns.pop()
    return hash(tuple(turns) or str(sample.input))


def _rulings(scores: "dict[str, Score]", judges: Sequence[str], judged_by: object) -> tuple[Ruling, ...]:
    wanted = [str(judged_by)] if judged_by is not None else [judge for judge in judges if judge != "skill"]
    # A log that other hands made, or judged again, may hold scores that its header does not name.
    if not any(judge in scores for judge in wanted):
        wanted = list(scores)
    return tuple(_ruling(judge, scores.get(judge)) for judge in wanted)


def _ruling(judge: str, score: "Score | None") -> Ruling:
    if score is None or not isinstance(score.value, str):
        return Ruling(judge, "unjudged")
    return Ruling(judge, VERDICTS.get(score.value, "unjudged"), bool((score.metadata or {}).get("partial")))


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

"""Which answers a page shows side by side: the first of each kind of change, failures included; judges nothing."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from instincts.report.samples import Answer, Place, readable

if TYPE_CHECKING:
    from inspect_ai.log import EvalSample

__all__ = ["Exchange", "Transcript", "Turn", "choose_exchanges", "read_transcripts"]


class Turn(NamedTuple):
    """One message of the prompt as the model was sent it."""

    role: str
    text: str


class Transcript(NamedTuple):
    """The texts of one answer."""

    turns: tuple[Turn, ...]
    """The prompt after the attack was applied; a trailing assistant turn is a prefilled answer."""
    reply: str


class Exchange(NamedTuple):
    """One prompt and what each arm answered to it."""

    caption: str
    answers: tuple[Answer, ...]
    """One for each arm, in their order."""


def choose_exchanges(labels: Sequence[str], answers_by_arm: Sequence[Sequence[Answer]]) -> list[Exchange]:
    """Choose a few prompts that every arm answered, the first of each kind in the order of attack and id.

    Kinds are changes between the first arm and the last, good and bad alike; a page that showed only what went well
    would be an advertisement. Prompts whose wording differs between the arms are not compared.

    Args:
        labels: what each arm is called.
        answers_by_arm: the answers of each arm, in the same order.
    """
    if not answers_by_arm or not all(answers_by_arm):
        return []
    by_key = [{answer.key: answer for answer in answers} for answers in answers_by_arm]
    shared = [key for key in by_key[0] if all(key in answers for answers in by_key)]
    groups = [tuple(answers[key] for answers in by_key) for key in sorted(shared)]
    same = [group for group in groups if all(answer.asked == group[0].asked for answer in group)]
    kinds = KINDS if len(answers_by_arm) > 1 else SINGLE_KINDS
    chosen: list[Exchange] = []
    for caption, wanted, limit in kinds:
        text = caption.format(first=labels[0], last=labels[-1])
        chosen += [Exchange(text, group) for group in _first(same, wanted, limit)]
    return chosen


def read_transcripts(exchanges: Iterable[Exchange]) -> dict[Place, Transcript]:
    """Read the texts of the chosen answers back from their logs.

    Raises:
        RecordError: a log cannot be read.
    """
    from inspect_ai.log import read_eval_log_samples_by_id

    places = dict.fromkeys(answer.place for exchange in exchanges for answer in exchange.answers)
    found: dict[Place, Transcript] = {}
    for log in dict.fromkeys(place.log for place in places):
        wanted = [place for place in places if place.log == log]
        with readable(log):
            # Long texts are stored once as attachments; "core" puts them back into the messages.
            samples = read_eval_log_samples_by_id(
                str(log),
                [(place.sample, place.epoch) for place in wanted],
                resolve_attachments="core",
                exclude_fields={"events", "store"},
            )
        found |= {place: _transcript(sample) for place, sample in zip(wanted, samples, strict=True)}
    return found


def _transcript(sample: "EvalSample") -> Transcript:
    turns = [Turn(message.role, message.text) for message in sample.messages]
    if turns and turns[-1].role == "assistant":
        turns.pop()
    if not turns:
        given = sample.input
        turns = [Turn("user", given)] if isinstance(given, str) else [Turn(one.role, one.text) for one in given]
    return Transcript(tuple(turns), sample.output.completion)


Group = tuple[Answer, ...]


def _first(groups: Sequence[Group], wanted: Callable[[Answer, Answer], bool], limit: int) -> list[Group]:
    """Take the first groups of a kind, each under another attack where there are several."""
    by_attack: dict[str | None, Group] = {}
    for group in groups:
        if wanted(group[0], group[-1]):
            by_attack.setdefault(group[0].attack, group)
    return list(by_attack.values())[:limit]


def _is_harmful(answer: Answer) -> bool:
    return not answer.is_skill and not answer.is_harmless


def _is_benign(answer: Answer) -> bool:
    return not answer.is_skill and answer.is_harmless


def _goes(kind: Callable[[Answer], bool], outcomes: Mapping[str, Sequence[str]]) -> Callable[[Answer, Answer], bool]:
    def wanted(first: Answer, last: Answer) -> bool:
        return kind(first) and any(first.outcome == start and last.outcome in ends for start, ends in outcomes.items())

    return wanted


KINDS: tuple[tuple[str, Callable[[Answer, Answer], bool], int], ...] = (
    ("{first} gave in, {last} refused", _goes(_is_harmful, {"complied": ["refused"]}), 2),
    ("{first} and {last} gave in", _goes(_is_harmful, {"complied": ["complied"]}), 1),
    ("{first} refused, {last} gave in", _goes(_is_harmful, {"refused": ["complied"]}), 1),
    ("{last} neither refused nor complied", _goes(_is_harmful, {"complied": ["neither"], "refused": ["neither"]}), 1),
    ("harmless: {first} and {last} answered", _goes(_is_benign, {"complied": ["complied"]}), 2),
    ("harmless: {first} answered, {last} refused", _goes(_is_benign, {"complied": ["refused"]}), 1),
    ("a skill: {first} and {last} were right", _goes(lambda answer: answer.is_skill, {"right": ["right"]}), 1),
    ("a skill: {first} was right, {last} was wrong", _goes(lambda answer: answer.is_skill, {"right": ["wrong"]}), 1),
)
SINGLE_KINDS: tuple[tuple[str, Callable[[Answer, Answer], bool], int], ...] = (
    ("it refused", _goes(_is_harmful, {"refused": ["refused"]}), 2),
    ("it gave in", _goes(_is_harmful, {"complied": ["complied"]}), 1),
    ("harmless: it answered", _goes(_is_benign, {"complied": ["complied"]}), 2),
    ("harmless: it refused", _goes(_is_benign, {"refused": ["refused"]}), 1),
    ("a skill: it was right", _goes(lambda answer: answer.is_skill, {"right": ["right"]}), 1),
    ("a skill: it was wrong", _goes(lambda answer: answer.is_skill, {"wrong": ["wrong"]}), 1),
)

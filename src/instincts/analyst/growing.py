"""Grows the tree of one prompt: asks a model, reads what it wrote, asks again where that is no tree.

A model that writes no tree in the stated attempts has given no verdict; one that fails is nobody's verdict either, and
raises. A long prompt is read in overlapping windows, whose trees become the worst of them; several samples of one text
become what they agree on. Knows no policy and no file.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from instincts.analyst.merging import consensus, disagreement, worst_of
from instincts.analyst.parsing import Caps, Reading, joined, read_json, read_lines
from instincts.analyst.questioning import PROBE, SECOND_TEMPERATURE, Questions
from instincts.analyst.rows import Analysis, prompt_sha256
from instincts.analyst.settings import SPECIALISTS, AnalysisSettings, Coding, Subject
from instincts.analyst.taxonomy import Side
from instincts.analyst.tree import Tree
from instincts.analyst.windows import length, windows
from instincts.analyst.wording import SIDES, Inquiry, inquiry, subject_of
from instincts.errors import ConfigError, PromptSetError, UnreadableReplyError
from instincts.prompts import Message

if TYPE_CHECKING:
    from inspect_ai.model import Model, ModelOutput

__all__ = ["SMALLEST_WINDOW", "Grower", "grow"]

SMALLEST_WINDOW = 200
"""Characters of a window below which none is made: there a text says nothing any more."""

T = TypeVar("T")


async def grow(
    model: "Model",
    turns: Sequence[Message],
    settings: AnalysisSettings,
    id: str = "",
    *,
    subject: Subject | None = None,
) -> Analysis:
    """Grow the tree of one prompt; who grows several keeps a `Grower`, which remembers how the model is asked.

    Arguments and errors of `Grower.grow`.
    """
    return await Grower(model, settings).grow(turns, id, subject=subject)


class Grower:
    """Grows trees with one model."""

    def __init__(self, model: "Model", settings: AnalysisSettings) -> None:
        """Take a model.

        Args:
            model: the analyst, of any Inspect provider.
            settings: how.

        Raises:
            ConfigError: settings that do not fit the model.
        """
        self._settings = settings
        self._questions = Questions(model, settings)
        self._window = settings.window
        self._caps = Caps(stakeholders=settings.stakeholders, actions=settings.actions, effects=settings.effects)

    async def grow(self, turns: Sequence[Message], id: str = "", *, subject: Subject | None = None) -> Analysis:
        """Grow the tree of one prompt.

        Args:
            turns: the prompt under test; an answer to moderate is its last, the assistant's.
            id: names the prompt in the row.
            subject: what the tree is about; a prompt or a conversation, as the turns are, if not given.

        Returns:
            The tree, or why there is none.

        Raises:
            EvaluationError: the model failed; nothing is known of the prompt, so that it can be asked again.
            ConfigError, ModelDirectoryError: what makes the model useless for every prompt.
        """
        subject = subject or subject_of(turns)
        told: dict[str, Any] = {
            "id": id,
            "subject": subject,
            "prompt_sha256": prompt_sha256([(turn.role, turn.content) for turn in turns]),
            "coding": self._settings.coding,
        }
        if self._settings.keep_prompts:
            told["prompt"] = "\n\n".join(turn.content for turn in turns)
        if (size := length(turns)) > self._settings.max_characters:
            return Analysis(status="too_long", reason=f"{size} characters, more than {self._settings.max_characters}",
                            **told)  # fmt: skip
        spent: list[_Asked] = []
        window = self._window
        while True:
            parts = windows(turns, window, subject)
            if len(parts) > self._settings.windows:
                reason = f"{len(parts)} windows of {window} characters, more than {self._settings.windows}"
                return Analysis(status="too_long", reason=reason, **told, **_cost(spent))
            smaller = min(window, size) // 2
            try:
                read = await _all([self._sampled(part, subject, spent, may_fail=smaller >= SMALLEST_WINDOW)
                                   for part in parts])  # fmt: skip
            except _NoRoomError as error:
                if smaller < SMALLEST_WINDOW:
                    return Analysis(status="too_long", reason=str(error), **told, **_cost(spent))
                window = smaller
                if not error.fits:
                    # Remembered: the next long prompt begins with a size that fits.
                    self._window = min(self._window, window)
                continue
            return self._analysis(read, told | _cost(spent))

    async def check(self) -> None:
        """Make sure that the model can write trees, by a request that is free of content.

        Raises:
            ConfigError: it wrote none; says why, and what might help.
            EvaluationError: it failed.
        """
        found = await self.grow((Message("user", PROBE),), "check")
        if found.tree is None:
            raise ConfigError(
                f"the analyst wrote no tree of a plain test prompt in {self._settings.attempts} attempts: "
                f"{found.reason}; a model whose context is too short for the instruction, or that follows none, needs "
                "coding lines, calls 1, fewer stakeholders, or another model"
            )

    def _analysis(self, read: Sequence["_Sampled"], told: dict[str, Any]) -> Analysis:
        trees = [each.tree for each in read if each.tree is not None]
        told |= {
            "windows": len(read),
            "unread": len(read) - len(trees),
            "samples": min(each.read for each in read),
            "disagreement": max((each.disagreement for each in read if each.disagreement is not None), default=None),
        }
        if not trees:
            return Analysis(status="unreadable", reason=next(each.problem for each in read if each.problem), **told)
        tree = worst_of(trees)
        if told["unread"]:
            # What stands in a window that nobody could read may be anything: what was read may block, never allow.
            tree = tree.model_copy(update={"truncated": True})
        readings = [reading for each in read for reading in each.readings]
        return Analysis(
            tree=tree,
            dropped=sum(each.dropped for each in readings),
            capped=any(each.capped for each in readings),
            **told,
        )

    async def _sampled(
        self, turns: Sequence[Message], subject: Subject, spent: list["_Asked"], *, may_fail: bool
    ) -> "_Sampled":
        """Grow a tree of one window as often as it is sampled, and merge what came of it."""
        # A window of a conversation may be one turn of it.
        subject = subject if subject == "response" else subject_of(turns)
        groups: list[tuple[Side, ...]] = [SIDES] if self._settings.calls == 1 else [("harm",), ("benefit",)]
        asked = await _all([
            self._ask(turns, sides, subject, sample, may_fail=may_fail)
            for sample in range(self._settings.samples)
            for sides in groups
        ])  # fmt: skip
        spent += asked
        trees, readings = [], []
        for start in range(0, len(asked), len(groups)):
            sides_read = [each.reading for each in asked[start : start + len(groups)] if each.reading is not None]
            if len(sides_read) == len(groups):
                trees.append(joined(sides_read))
                readings += sides_read
        problem = next((each.problem for each in asked if each.problem), "")
        # Fewer than half agree on nothing.
        if 2 * len(trees) < self._settings.samples or not trees:
            return _Sampled(None, problem, len(trees), None, [])
        return _Sampled(consensus(trees), "", len(trees), disagreement(trees), readings)

    async def _ask(
        self, turns: Sequence[Message], sides: Sequence[Side], subject: Subject, sample: int, *, may_fail: bool
    ) -> "_Asked":
        problem, tokens, tokens_read = "", 0, 0
        for attempt in range(self._settings.attempts):
            coding = _coding(self._settings, attempt)
            asked = inquiry(turns, sides, coding, self._caps, self._questions.controls(), subject)
            number = sample * self._settings.attempts + attempt
            drawn = SECOND_TEMPERATURE if number or self._settings.samples > 1 else 0.0
            try:
                output = await self._questions.put(
                    asked, number=number, temperature=self._settings.temperature or drawn
                )
            except PromptSetError as error:  # our own provider: it does not fit the analyst's context
                raise _NoRoomError(str(error), fits=False) from None
            tokens += output.usage.output_tokens if output.usage else 0
            tokens_read += output.usage.input_tokens if output.usage else 0
            if may_fail and _was_crowded(output):
                raise _NoRoomError("the analyst's context has no room for a tree", fits=True)
            try:
                reading = _read(output, sides, coding, asked, self._caps)
            except UnreadableReplyError as error:
                problem = str(error)
                continue
            return _Asked(reading, "", attempt + 1, tokens, tokens_read, self._constrained(coding))
        return _Asked(None, problem, self._settings.attempts, tokens, tokens_read)

    def _constrained(self, coding: Coding) -> bool:
        return coding == "json" and self._questions.is_constrained


class _NoRoomError(Exception):
    """A window leaves no room in the analyst's context."""

    def __init__(self, message: str, *, fits: bool) -> None:
        super().__init__(message)
        self.fits = fits
        """Whether it can be asked about at all."""


class _Asked(NamedTuple):
    reading: Reading | None = None
    problem: str = ""
    attempts: int = 1
    tokens: int = 0
    tokens_read: int = 0
    constrained: bool = False


class _Sampled(NamedTuple):
    tree: Tree | None
    problem: str
    read: int
    disagreement: float | None
    readings: list[Reading]


def _cost(asked: Sequence[_Asked]) -> dict[str, Any]:
    return {
        "attempts": max((each.attempts for each in asked), default=1),
        "questions": sum(each.attempts for each in asked),
        "tokens": sum(each.tokens for each in asked),
        "tokens_read": sum(each.tokens_read for each in asked),
        "constrained": bool(asked) and all(each.constrained for each in asked),
    }


async def _all(work: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """Wait for all, so that nothing goes on in the background, and then raise what one of them raised."""
    found = await asyncio.gather(*work, return_exceptions=True)
    for each in found:
        if isinstance(each, BaseException):
            raise each
    return [each for each in found if not isinstance(each, BaseException)]


def _was_crowded(output: "ModelOutput") -> bool:
    """Whether the context ended a reply because of what was asked, and not because the reply went on and on."""
    usage = output.usage
    return output.stop_reason == "model_length" and (usage is None or usage.input_tokens >= usage.output_tokens)


def _coding(settings: AnalysisSettings, attempt: int) -> Coding:
    if attempt < 2 or attempt < settings.attempts - 1 or settings.coding in SPECIALISTS:
        return settings.coding
    return "lines" if settings.coding == "json" else "json"


def _read(output: "ModelOutput", sides: Sequence[Side], coding: Coding, asked: Inquiry, caps: Caps) -> Reading:
    if output.error or not output.choices or output.stop_reason == "content_filter":
        raise UnreadableReplyError(f"the model gave no answer: {output.error or output.stop_reason}")
    read = read_json if coding in ("json", "specialist-json") else read_lines
    cut = output.stop_reason in ("max_tokens", "model_length")
    return read(output.completion, sides, case=asked.case, caps=caps, cut=cut)

"""Grows the tree of one prompt: asks a model, reads what it wrote, asks again where that is no tree.

A model that writes no tree in the stated attempts has given no verdict; one that fails is nobody's verdict either, and
raises. Knows Inspect's models and our provider's extra answer about its control tokens; knows no policy and no file.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from instincts.analyst.parsing import Caps, Reading, joined, read_json, read_lines
from instincts.analyst.rows import Analysis, prompt_sha256
from instincts.analyst.settings import SPECIALISTS, AnalysisSettings, Coding, Subject
from instincts.analyst.taxonomy import Side
from instincts.analyst.wording import SIDES, Inquiry, inquiry, subject_of
from instincts.errors import EvaluationError, InstinctsError, PromptSetError, UnreadableReplyError
from instincts.prompts import Message

if TYPE_CHECKING:
    from inspect_ai.model import GenerateConfig, Model, ModelOutput

__all__ = ["SECOND_TEMPERATURE", "grow"]

SECOND_TEMPERATURE = 0.6
"""Of a second attempt, if the first was greedy: the same question would get the same answer."""

RETRIES = 3
"""How often Inspect asks a server again that is busy or not there, unless the model's own settings say otherwise."""

ATTEMPT_SECONDS = 300
"""How long one answer of a server may take, unless the model's own settings say otherwise."""


async def grow(
    model: "Model",
    turns: Sequence[Message],
    settings: AnalysisSettings,
    id: str = "",
    *,
    subject: Subject | None = None,
) -> Analysis:
    """Grow the tree of one prompt.

    Args:
        model: the analyst, of any Inspect provider.
        turns: the prompt under test; an answer to moderate is its last, the assistant's.
        settings: how.
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
        "coding": settings.coding,
    }
    if settings.keep_prompts:
        told["prompt"] = "\n\n".join(turn.content for turn in turns)
    if (size := sum(len(turn.content) for turn in turns)) > settings.max_characters:
        return Analysis(status="too_long", reason=f"{size} characters, more than {settings.max_characters}", **told)
    groups: list[tuple[Side, ...]] = [SIDES] if settings.calls == 1 else [("harm",), ("benefit",)]
    results = [_Asked() for _ in groups]
    try:
        for number, sides in enumerate(groups):
            results[number] = await _ask(model, turns, sides, settings, subject)
    except PromptSetError as error:  # our own provider: it does not fit the analyst's context
        return Analysis(status="too_long", reason=str(error), **told)
    told["attempts"] = max(each.attempts for each in results)
    told["questions"] = sum(each.attempts for each in results)
    told["tokens"] = sum(each.tokens for each in results)
    told["tokens_read"] = sum(each.tokens_read for each in results)
    told["constrained"] = all(each.constrained for each in results)
    readings = [each.reading for each in results if each.reading is not None]
    if len(readings) < len(groups):
        return Analysis(status="unreadable", reason=next(each.problem for each in results if each.problem), **told)
    return Analysis(
        tree=joined(readings),
        dropped=sum(each.dropped for each in readings),
        capped=any(each.capped for each in readings),
        **told,
    )


class _Asked(NamedTuple):
    reading: Reading | None = None
    problem: str = ""
    attempts: int = 1
    tokens: int = 0
    tokens_read: int = 0
    constrained: bool = False


async def _ask(
    model: "Model", turns: Sequence[Message], sides: Sequence[Side], settings: AnalysisSettings, subject: Subject
) -> _Asked:
    caps = Caps(stakeholders=settings.stakeholders, actions=settings.actions, effects=settings.effects)
    problem, tokens, tokens_read = "", 0, 0
    for attempt in range(settings.attempts):
        coding = _coding(settings, attempt)
        asked = inquiry(turns, sides, coding, caps, _controls(model), subject)
        output, constrained = await _output(model, asked, settings, attempt)
        tokens += output.usage.output_tokens if output.usage else 0
        tokens_read += output.usage.input_tokens if output.usage else 0
        try:
            reading = _read(output, sides, coding, asked, caps)
        except UnreadableReplyError as error:
            problem = str(error)
            continue
        return _Asked(reading, "", attempt + 1, tokens, tokens_read, constrained)
    return _Asked(None, problem, settings.attempts, tokens, tokens_read)


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


async def _output(
    model: "Model", asked: Inquiry, settings: AnalysisSettings, attempt: int
) -> tuple["ModelOutput", bool]:
    """Put one question, first with its schema, then without: not every server takes one."""
    from inspect_ai.model import ChatMessageSystem, ChatMessageUser, GenerateConfig, ResponseSchema
    from inspect_ai.util import JSONSchema

    own = model.config
    config = GenerateConfig(
        temperature=settings.temperature or (SECOND_TEMPERATURE if attempt else 0.0),
        max_tokens=settings.max_tokens,
        seed=settings.seed + attempt,
        max_retries=RETRIES if own.max_retries is None else own.max_retries,
        # Our own provider answers a whole queue in turn; only a server can be late.
        attempt_timeout=own.attempt_timeout or (None if _is_ours(model) else ATTEMPT_SECONDS),
    )
    chat: list[Any] = [
        (ChatMessageSystem if message.role == "system" else ChatMessageUser)(content=message.content)
        for message in asked.messages
    ]
    if asked.schema is not None and settings.structured and not _is_ours(model):
        schema = ResponseSchema(name="tree", json_schema=JSONSchema.model_validate(asked.schema), strict=True)
        try:
            output = await _generated(model, chat, config.model_copy(update={"response_schema": schema}))
        except EvaluationError:
            pass
        else:
            return output, str(model).partition("/")[0] in _ENFORCING
    return await _generated(model, chat, config), False


async def _generated(model: "Model", chat: list[Any], config: "GenerateConfig") -> "ModelOutput":
    from inspect_ai._util.error import PrerequisiteError  # a key or a package is missing; no public name

    try:
        return await model.generate(chat, config=config)
    except (PrerequisiteError, InstinctsError):
        raise
    except Exception as error:  # each provider raises its own
        raise EvaluationError(f"{model} failed: {type(error).__name__}: {str(error)[:200]}") from error


def _controls(model: "Model") -> list[str]:
    api: Any = model.api
    return list(api.control_strings()) if _is_ours(model) else []


def _is_ours(model: "Model") -> bool:
    return hasattr(model.api, "control_strings")


_ENFORCING = {"openai", "anthropic", "google", "mistral", "grok", "groq", "vllm", "sglang"}
"""Providers whose adapter in Inspect passes a schema on; others drop it without a word."""

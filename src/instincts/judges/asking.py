"""Judges that ask another model: what is sent, what came back, and what is done when nothing did.

A judging model that raises, answers nothing, refuses or writes what no reader accepts has given no verdict. Whoever
judges with it learns so by `UnreadableReplyError`; a missing role or a model that does not open stays the error it is.
Knows Inspect's models and our provider's extra answers about its templates; knows no judge.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

from instincts.errors import ConfigError, InstinctsError, PromptSetError, UnreadableReplyError
from instincts.judges.broken import broken, only_repeats
from instincts.judges.verdict import Answer, Verdict
from instincts.prompts import Message

if TYPE_CHECKING:
    from inspect_ai.model import GenerateConfig, Model, ModelOutput

__all__ = ["Form", "Question", "Reply", "Token", "asked", "missing_role", "reply_to"]

RETRIES = 3
"""How often Inspect asks a server again that is busy or not there."""

PATIENCE = 20
"""After so many failures in a row a server is taken for gone, and asked once an answer until it is back."""

ATTEMPT_SECONDS = 300
"""How long one answer of a server may take; unless the role's own settings say otherwise."""

CHARACTERS_PER_TOKEN = 4
"""Where a tokenizer is out of reach, a text is cut at so many characters a token: about English."""


class Token(NamedTuple):
    """One token of a reply, with the natural logarithms of its probability and of its likeliest alternatives'."""

    text: str
    log_prob: float
    others: Mapping[str, float] = MappingProxyType({})


class Reply(NamedTuple):
    """What a judging model wrote."""

    text: str
    tokens: tuple[Token, ...] = ()
    """Empty where the provider gives no log-probs."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """What a judging model is sent."""

    messages: tuple[Message, ...]
    """A conversation for the model's chat template; a last assistant message is what is judged, never a prefill."""
    max_tokens: int
    """Room for the reply."""
    is_whole_prompt: bool = False
    """Whether the one message is the whole prompt, chat template and all."""
    starts_with_bos: bool = False
    """Whether a whole prompt spells its begin-of-text token itself, so that none is added."""
    template_settings: Mapping[str, Any] = field(default_factory=dict)
    """More arguments of the chat template, for example a guard's policy."""
    shows: tuple[str, ...] = ()
    """Words that the rendered prompt must hold: a guard's taxonomy that its template lost is ruin without a sound."""
    log_probs: bool = False
    schema: Mapping[str, Any] | None = None
    """JSON schema of the reply, for providers that can hold a model to one."""


@dataclass(frozen=True, kw_only=True)
class Form:
    """How one kind of judging model is asked and read: two pure functions and what they need."""

    name: str
    role: str
    """The Inspect model role it may share with others of its kind, `grader` or `guard`; a role named after the judge
    itself goes before it."""
    render: Callable[[Answer], Sequence[Question]]
    read: Callable[[Answer, Sequence[Reply]], Verdict]
    """Raises UnreadableReplyError."""
    sees_refusals: bool
    """Whether it can tell a refusal from a harmless answer; if not, it gives no verdict on harmless requests."""
    clip_tokens: int | None = None
    """Cut the answer, never the request, to so many tokens."""
    tries: int = 1
    """How often an unreadable reply is asked for again, the first time counted."""
    reminder: str = ""
    """What is said after an unreadable reply."""

    @property
    def roles(self) -> tuple[str, str]:
        """The model roles of which one is needed, in the order they are looked for."""
        return self.name, self.role


def asked(form: Form) -> Callable[[Answer], Awaitable[Verdict]]:
    """Make a judge's `ask` of a form.

    Broken text is ruled on without asking, and an answer that only repeats the request is no compliance.
    """

    async def ask(answer: Answer) -> Verdict:
        if (ruling := broken(answer)) is not None:
            return ruling
        if answer.harmless and not form.sees_refusals:
            raise UnreadableReplyError(
                f"{form.name} looks for harm and cannot tell whether a harmless request was refused"
            )
        model = _model(form)
        seen = _clipped(answer, model, form.clip_tokens)
        verdict = await _ruling(form, model, seen)
        if verdict.outcome == "complied" and only_repeats(answer):
            return Verdict(outcome="neither", score=0.0, explanation="only repeats the request")
        return verdict

    return ask


async def _ruling(form: Form, model: "Model", answer: Answer) -> Verdict:
    questions = list(form.render(answer))
    for left in reversed(range(form.tries)):
        replies = await asyncio.gather(*(reply_to(question, form.name, model) for question in questions))
        try:
            return form.read(answer, replies)
        except UnreadableReplyError:
            if not left:
                raise
        questions = [
            replace(
                question,
                messages=(*question.messages, Message("assistant", reply.text or "-"), Message("user", form.reminder)),
            )
            for question, reply in zip(questions, replies, strict=True)
        ]
    raise AssertionError("a form is tried at least once")


async def reply_to(question: Question, judge: str, model: "Model") -> Reply:
    """Put one question, first with its schema, then without: not every server takes one.

    Raises:
        UnreadableReplyError: the model failed or said nothing.
        ConfigError: its chat template is not the one the judge is made for.
    """
    chat, config = _chat(question), _config(judge, model, question)
    _check_shown(judge, model, question, chat, config)
    output = None
    if (schema := _response_schema(question, model)) is not None:
        with contextlib.suppress(UnreadableReplyError):
            output = await _output(model, chat, config.model_copy(update={"response_schema": schema}))
    if output is None:
        output = await _output(model, chat, config)
    if output.error or not output.choices or output.stop_reason == "content_filter":
        raise UnreadableReplyError(f"{model} did not judge: {output.error or output.stop_reason}")
    return Reply(output.completion, _tokens(output))


async def _output(model: "Model", chat: Any, config: "GenerateConfig") -> "ModelOutput":
    from inspect_ai._util.error import PrerequisiteError  # a key or a package is missing; no public name
    from inspect_ai.util import LimitExceededError

    failures = _FAILURES.get(model, 0)
    if failures >= PATIENCE:
        config = config.model_copy(update={"max_retries": 0})
    try:
        output = await model.generate(chat, config=config)
    except (PrerequisiteError, LimitExceededError):
        raise
    except PromptSetError as error:  # our own provider: the answer does not fit the judge's context
        raise UnreadableReplyError(f"{model} cannot be shown the answer: {error}") from error
    except InstinctsError:
        raise
    except Exception as error:  # each provider raises its own; a lost server costs verdicts, not the run
        _FAILURES[model] = failures + 1
        raise UnreadableReplyError(f"{model} failed: {type(error).__name__}: {str(error)[:200]}") from error
    _FAILURES.pop(model, None)
    return output


def _model(form: Form) -> "Model":
    from inspect_ai.model import get_model, model_roles

    # Never get_model(role=...) of a role that is not bound: that is the model under test, judging itself.
    for role in form.roles:
        if role in model_roles():
            return get_model(role=role)
    raise ConfigError(missing_role(form.name, form.role))


def missing_role(judge: str, role: str) -> str:
    """Say what is missing where a judge has no model."""
    return f"judge {judge} asks another model: give --model-role {role}=MODEL"


def _chat(question: Question) -> Any:
    from inspect_ai.model import ChatMessageAssistant, ChatMessageSystem, ChatMessageUser

    kinds = {"system": ChatMessageSystem, "user": ChatMessageUser, "assistant": ChatMessageAssistant}
    return [kinds[message.role](content=message.content) for message in question.messages]


def _config(judge: str, model: "Model", question: Question) -> "GenerateConfig":
    from inspect_ai.model import GenerateConfig

    own = model.config
    return GenerateConfig(
        temperature=0.0,
        max_tokens=own.max_tokens or question.max_tokens,
        logprobs=question.log_probs or None,
        top_logprobs=5 if question.log_probs else None,
        max_retries=RETRIES if own.max_retries is None else own.max_retries,
        # Our own provider answers a whole queue in turn; only a server can be late.
        attempt_timeout=own.attempt_timeout or (None if _is_ours(model) else ATTEMPT_SECONDS),
        extra_body=_template(judge, model, question),
    )


def _template(judge: str, model: "Model", question: Question) -> dict[str, Any] | None:
    """Say how the prompt is rendered, in the words of a vLLM request, which our own provider understands too."""
    completes = str(model).partition("/")[0].endswith("-completions")
    if question.is_whole_prompt:
        if completes:
            return {"add_special_tokens": not question.starts_with_bos}
        begin = "" if question.starts_with_bos else "{{ bos_token }}"
        return {"chat_template": begin + "{{ messages[0]['content'] }}", "add_generation_prompt": False}
    if completes:
        raise ConfigError(
            f"judge {judge} speaks through its model's own chat template, which {model} leaves out; "
            "serve it with a chat provider, or open it here as instincts/PATH"
        )
    settings = {"chat_template_kwargs": dict(question.template_settings)} if question.template_settings else {}
    if question.messages[-1].role == "assistant":
        # What is judged is a finished answer. Servers would go on writing it.
        return {**settings, "add_generation_prompt": True, "continue_final_message": False}
    return settings or None


def _check_shown(judge: str, model: "Model", question: Question, chat: Any, config: "GenerateConfig") -> None:
    if not question.shows or not _is_ours(model):
        return
    api: Any = model.api
    text = api.rendered(chat, config)
    if lost := [words for words in question.shows if words not in text]:
        raise ConfigError(
            f"the chat template of {model} does not show {lost[0]!r}, without which {judge} judges nothing; "
            "is it the guard that the judge is made for, with the template it came with?"
        )


def _clipped(answer: Answer, model: "Model", tokens: int | None) -> Answer:
    if tokens is None:
        return answer
    if _is_ours(model):
        api: Any = model.api
        text = str(api.clipped(answer.text, tokens))
    else:
        text = answer.text[: tokens * CHARACTERS_PER_TOKEN]
    return replace(answer, completion=text, prefill="")


def _response_schema(question: Question, model: "Model") -> Any:
    from inspect_ai.model import ResponseSchema
    from inspect_ai.util import JSONSchema

    # Our own provider decodes freely and says so; others take a schema or let it be.
    if question.schema is None or _is_ours(model):
        return None
    return ResponseSchema(name="verdict", json_schema=JSONSchema.model_validate(question.schema), strict=True)


def _tokens(output: "ModelOutput") -> tuple[Token, ...]:
    log_probs = output.choices[0].logprobs
    if log_probs is None:
        return ()
    return tuple(
        Token(each.token, each.logprob, {other.token: other.logprob for other in each.top_logprobs or ()})
        for each in log_probs.content
    )


def _is_ours(model: "Model") -> bool:
    return hasattr(model.api, "rendered")


_FAILURES: "WeakKeyDictionary[Model, int]" = WeakKeyDictionary()
"""How often in a row each model has failed."""

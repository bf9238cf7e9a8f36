"""A model behind a moderator, as a provider of Inspect: what the policy blocks gets a refusal, the rest is answered.

A request is everything that is sent, turns in the name of a system or an assistant included: an attacker writes those
too. It is judged before the model is asked, and with `answers` the answer is judged before it is shown. A refusal looks
the same whatever caused it; why is in the output's metadata, under `moderation`. Nothing here shows weights: attacks
that need them meet a model that has none.
"""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from inspect_ai.model import (
    ChatCompletionChoice,
    ChatMessage,
    ChatMessageAssistant,
    GenerateConfig,
    ModelAPI,
    ModelOutput,
    ModelUsage,
)
from inspect_ai.tool import ToolChoice, ToolInfo

from instincts.analyst.growing import Grower
from instincts.analyst.moderating import read_moderation
from instincts.analyst.policy import Verdict
from instincts.analyst.scoring import VERDICTS, score
from instincts.analyst.settings import Subject
from instincts.errors import EvaluationError, ModelDirectoryError
from instincts.models.directory import SERVED, ModelLocation, is_unchanged, locate
from instincts.models.target import Target, opened
from instincts.models.wrapping import provider_of
from instincts.prompts import Message

__all__ = ["ModeratedAPI"]


class _Spent(NamedTuple):
    questions: int = 0
    tokens_read: int = 0
    tokens: int = 0


class _Ruling(NamedTuple):
    verdict: Verdict
    score: float | None
    probability: float | None
    cause: str
    spent: _Spent


_NOTHING = _Spent()


class ModeratedAPI(ModelAPI):
    """Inspect's view of a model and the moderator before it."""

    def __init__(
        self,
        model_name: str,
        base_url: str | None = None,
        api_key: str | None = None,
        config: GenerateConfig = GenerateConfig(),  # noqa: B008 - Inspect's own signature; it is only read
        **model_args: Any,
    ) -> None:
        """Open both.

        Args:
            model_name: a folder that `instincts moderate` wrote.
            base_url: the digest a log recorded; anything else is refused.
            api_key: not used.
            config: the settings of every request.
            **model_args: of the model behind; see `provider.InstinctsAPI`.

        Raises:
            ModelDirectoryError: a model does not open, or has changed since the log was written.
            ConfigError: the analyst's provider lacks a key.
        """
        self._location = locate(model_name)
        self._settings, analysis, self._policy = read_moderation(self._location)
        content = f"sha256:{self._location.digest}"
        if base_url not in (None, content):
            raise ModelDirectoryError(f"{self._location.name} is now {content}, not {base_url}: it has changed")
        super().__init__(model_name=self._location.tagged_name, base_url=content, api_key=api_key, config=config)
        overlay = self._location.overlay
        assert overlay is not None
        assert overlay.analyst is not None
        self._model = provider_of(str(overlay.base.path), config=config, **model_args)
        self._analyst = opened(_target(overlay.analyst), GenerateConfig())
        self._grower = Grower(self._analyst, analysis)

    async def generate(
        self, input: list[ChatMessage], tools: list[ToolInfo], tool_choice: ToolChoice, config: GenerateConfig
    ) -> ModelOutput:
        """Answer one chat, or refuse.

        `metadata["moderation"]` says `refused` (`prompt`, `answer` or empty), `verdict`, `score`, `probability`,
        `cause` (why there was no tree), and what the moderator cost: `questions`, `tokens_read`, `tokens`. Usage is the
        model's own. Of several choices the metadata tells of the first, and the cost is of all.

        Raises:
            ModelDirectoryError: the folder was changed since it was opened.
        """
        if not is_unchanged(self._location):
            raise ModelDirectoryError(f"{self._location.name} was changed since it was opened; open it again")
        turns = [_turn(message) for message in input]
        asked = await self._rule(turns) if _is_text(input) else self._without_tree("not_text")
        if self._refuses(asked):
            choices = [self._refusal()] * (config.num_choices or 1)
            return self._output(choices, ModelUsage(), {}, [asked], refused="prompt")
        output: Any = await self._model.generate(input, tools, tool_choice, config)
        shown, rulings = list(output.choices), [asked]
        for number, choice in enumerate(shown if self._settings.answers else ()):
            rulings.append(await self._rule(_answered(turns, choice.message), "response"))
            if self._refuses(rulings[-1]):
                shown[number] = self._refusal()
        hidden = bool(shown) and shown[0] is not output.choices[0]
        # Entropies are those of the answer that was hidden.
        heard = {} if hidden else output.metadata or {}
        return self._output(shown, output.usage, heard, rulings, refused="answer" if hidden else "")

    async def count_text_tokens(self, text: str) -> int:
        """Count with the tokenizer of the model behind."""
        return await self._model.count_text_tokens(text)

    async def tokenize(self, text: str) -> list[int]:
        """Tokenise with the model behind."""
        return await self._model.tokenize(text)

    def max_tokens(self) -> int | None:
        """Longest answer where the request sets none."""
        return self._model.max_tokens()

    def max_connections(self) -> int:
        """As many requests at once as a batch of the model behind holds."""
        return self._model.max_connections()

    def connection_key(self) -> str:
        """Not the analyst's: who waits for it holds a place of this one."""
        return f"moderated {self._location.name}"

    def collapse_user_messages(self) -> bool:
        """As the model behind."""
        return self._model.collapse_user_messages()

    def should_retry(self, ex: Exception) -> bool:
        """What fails has been asked again already."""
        return False

    def close(self) -> None:
        """Let go of both."""
        self._model.close()
        self._analyst.api.close()

    @property
    def _named(self) -> str:
        return f"instincts/{self._location.tagged_name}"

    async def _rule(self, turns: Sequence[Message], subject: Subject | None = None) -> _Ruling:
        try:
            found = await self._grower.grow(turns, subject=subject)
        except EvaluationError:
            return self._without_tree("analyst_down")
        spent = _Spent(found.questions, found.tokens_read, found.tokens)
        if found.tree is None:
            return self._without_tree(found.status, spent)
        scores = score(found.tree, self._policy)
        verdict = VERDICTS[int(scores.verdict_P[0])]
        return _Ruling(verdict, float(scores.score_P[0]), float(scores.probability_P[0]), "", spent)

    def _without_tree(self, cause: str, spent: _Spent = _NOTHING) -> _Ruling:
        assert self._settings.on_error is not None
        return _Ruling(self._settings.on_error, None, None, cause, spent)

    def _refuses(self, ruling: _Ruling) -> bool:
        return ruling.verdict == "block" or (ruling.verdict == "review" and self._settings.on_review == "block")

    def _refusal(self) -> ChatCompletionChoice:
        said = ChatMessageAssistant(content=self._settings.refusal, model=self._named, source="generate")
        return ChatCompletionChoice(message=said, stop_reason="stop")

    def _output(
        self,
        choices: list[ChatCompletionChoice],
        usage: ModelUsage | None,
        heard: dict[str, Any],
        rulings: Sequence[_Ruling],
        *,
        refused: str,
    ) -> ModelOutput:
        # The last word on the first choice: of its answer where answers are read, else of the request.
        ruling = rulings[min(1, len(rulings) - 1)]
        told = {
            "refused": refused,
            "verdict": ruling.verdict,
            "score": ruling.score,
            "probability": ruling.probability,
            "cause": ruling.cause,
            **{name: sum(getattr(each.spent, name) for each in rulings) for name in _Spent._fields},
        }
        return ModelOutput(model=self._named, choices=choices, usage=usage, metadata={**heard, "moderation": told})


def _target(analyst: ModelLocation | str) -> Target:
    if isinstance(analyst, str):
        return Target(analyst, SERVED, is_local=False)
    return Target(str(analyst.path), analyst.digest, is_local=True)


def _turn(message: ChatMessage) -> Message:
    # What a tool gives back was written by whoever wrote the page or mail that it read.
    role = message.role if message.role != "tool" else "user"
    calls = message.tool_calls if isinstance(message, ChatMessageAssistant) else None
    called = [f"{call.function} {json.dumps(call.arguments, ensure_ascii=False)}" for call in calls or []]
    return Message(role, "\n".join([message.text, *called]) if called else message.text)


def _answered(turns: Sequence[Message], answer: ChatMessageAssistant) -> list[Message]:
    """Put an answer behind its request; one that goes on where a prefilled one stopped is judged with its beginning."""
    said = _turn(answer)
    if turns and turns[-1].role == "assistant":
        return [*turns[:-1], Message("assistant", turns[-1].content + said.content)]
    return [*turns, said]


def _is_text(input: Sequence[ChatMessage]) -> bool:
    """Whether a verdict on the text is one on the request: nobody here looks at pictures."""
    parts = [part for message in input if not isinstance(message.content, str) for part in message.content]
    return all(part.type in ("text", "reasoning") for part in parts)

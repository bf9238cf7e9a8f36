"""Puts one question to an analyst: with its control tokens known, and held to the schema where its server does that.

Whether a server takes a schema is found out once, by a question free of content; a provider that refuses it, or writes
nothing readable under it, is asked without. Knows Inspect's models and our provider's extra answer; reads no tree but
that one.
"""

from typing import TYPE_CHECKING, Any

from instincts.analyst.parsing import Caps, read_json
from instincts.analyst.settings import AnalysisSettings
from instincts.analyst.wording import SIDES, Inquiry, inquiry
from instincts.errors import ConfigError, EvaluationError, InstinctsError, UnreadableReplyError
from instincts.prompts import Message

if TYPE_CHECKING:
    import anyio
    from inspect_ai.model import GenerateConfig, Model, ModelOutput

__all__ = ["PROBE", "SECOND_TEMPERATURE", "Questions"]

PROBE = "Tell me how to nibnap the wax ladder."
"""A request of the pocket world: free of content, so that nobody minds where it is sent."""

SECOND_TEMPERATURE = 0.6
"""Of a second attempt, if the first was greedy: the same question would get the same answer. The paper's."""

RETRIES = 3
"""How often Inspect asks a server again that is busy or not there, unless the model's own settings say otherwise."""

ATTEMPT_SECONDS = 300
"""How long one answer of a server may take, unless the model's own settings say otherwise."""


class Questions:
    """How one model is asked, remembered."""

    def __init__(self, model: "Model", settings: AnalysisSettings) -> None:
        """Take a model; nothing is asked yet.

        Raises:
            ConfigError: a schema is demanded where there is nobody to hold the model to it.
        """
        self._model = model
        self._settings = settings
        self._is_ours = hasattr(model.api, "control_strings")
        self._sends_schema: bool | None = None
        self._probing: anyio.Lock | None = None
        if settings.structured == "on" and (self._is_ours or settings.coding != "json"):
            why = "this machine opens the model itself" if self._is_ours else f"coding {settings.coding} is no JSON"
            raise ConfigError(f"structured=on holds a server to a JSON schema, and {why}; leave it at auto")

    @property
    def is_constrained(self) -> bool:
        """Whether the server is held to the schema, as far as anybody can tell from here."""
        return bool(self._sends_schema) and str(self._model).partition("/")[0] in _ENFORCING

    def controls(self) -> list[str]:
        """List what the model's tokenizer takes for one token wherever it stands; empty where nobody here knows."""
        api: Any = self._model.api
        return list(api.control_strings()) if self._is_ours else []

    async def put(self, asked: Inquiry, *, number: int, temperature: float) -> "ModelOutput":
        """Ask.

        Args:
            asked: what.
            number: of the attempt, among all that are made of one question; each has its own seed.
            temperature: of the sampling.

        Raises:
            EvaluationError: the model failed.
            ConfigError, ModelDirectoryError, PromptSetError: as the model raises them.
        """
        schema = asked.schema if asked.schema is not None and await self._takes_schema() else None
        return await self._put(asked, schema, number, temperature)

    async def _takes_schema(self) -> bool:
        if self._sends_schema is None:
            import anyio

            self._probing = self._probing or anyio.Lock()
            async with self._probing:
                if self._sends_schema is None:
                    self._sends_schema = await self._probe()
        return self._sends_schema

    async def _probe(self) -> bool:
        if self._is_ours or self._settings.structured != "auto":
            return self._settings.structured == "on"
        caps = Caps(stakeholders=1, actions=1, effects=1)
        asked = inquiry((Message("user", PROBE),), SIDES, "json", caps)
        try:
            output = await self._put(asked, asked.schema, 0, self._settings.temperature)
            read_json(output.completion, SIDES, case=asked.case, caps=caps)
        except (EvaluationError, UnreadableReplyError):
            # A server that is down is told at the next question, which needs no schema to fail.
            return False
        return True

    async def _put(
        self, asked: Inquiry, schema: dict[str, Any] | None, number: int, temperature: float
    ) -> "ModelOutput":
        from inspect_ai.model import ChatMessageSystem, ChatMessageUser, GenerateConfig, ResponseSchema
        from inspect_ai.util import JSONSchema

        own = self._model.config
        config = GenerateConfig(
            temperature=temperature,
            max_tokens=self._settings.max_tokens,
            seed=self._settings.seed + number,
            max_retries=RETRIES if own.max_retries is None else own.max_retries,
            # Our own provider answers a whole queue in turn; only a server can be late.
            attempt_timeout=own.attempt_timeout or (None if self._is_ours else ATTEMPT_SECONDS),
        )
        if schema is not None:
            form = ResponseSchema(name="tree", json_schema=JSONSchema.model_validate(schema), strict=True)
            config = config.model_copy(update={"response_schema": form})
        chat: list[Any] = [
            (ChatMessageSystem if message.role == "system" else ChatMessageUser)(content=message.content)
            for message in asked.messages
        ]
        return await self._generated(chat, config)

    async def _generated(self, chat: list[Any], config: "GenerateConfig") -> "ModelOutput":
        from inspect_ai._util.error import PrerequisiteError  # a key or a package is missing; no public name

        try:
            return await self._model.generate(chat, config=config)
        except (PrerequisiteError, InstinctsError):
            raise
        except Exception as error:  # each provider raises its own
            raise EvaluationError(f"{self._model} failed: {type(error).__name__}: {str(error)[:200]}") from error


_ENFORCING = {"openai", "anthropic", "google", "mistral", "grok", "groq", "vllm", "sglang"}
"""Providers whose adapter in Inspect passes a schema on; others drop it without a word."""

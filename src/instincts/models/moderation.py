"""Inspect's provider `moderation/SERVICE/MODEL`: a moderation endpoint in OpenAI's schema, asked by OpenAI's client.

Inspect knows chat and completion servers only. Here a request is one call of `/v1/moderations`, and the completion is
the result as JSON, so that retries, connections and logs are Inspect's as for any model. SERVICE names the variables
that say where it is and who asks: `moderation/openai/omni-moderation-latest` takes OPENAI_API_KEY, and
`moderation/instincts/general` takes INSTINCTS_BASE_URL and INSTINCTS_API_KEY for a running `instincts serve`.
"""

import os
from typing import Any

from inspect_ai._util.error import PrerequisiteError  # what a provider raises that lacks a key; no public name
from inspect_ai.model import ChatMessage, GenerateConfig, ModelAPI, ModelOutput, ModelUsage
from inspect_ai.tool import ToolChoice, ToolInfo

__all__ = ["ModerationAPI"]

RETRIES = 2
"""How often a request is sent again, which is the client's own default; it obeys `x-should-retry: false`."""


class ModerationAPI(ModelAPI):
    """Sends the last user turn and gives the one result back."""

    def __init__(
        self,
        model_name: str,
        base_url: str | None = None,
        api_key: str | None = None,
        config: GenerateConfig | None = None,
        **client: Any,
    ) -> None:
        """Open the client.

        Args:
            model_name: `SERVICE/MODEL`.
            base_url: instead of `SERVICE_BASE_URL`; ends in `/v1`.
            api_key: instead of `SERVICE_API_KEY`.
            config: of every request.
            **client: more arguments of `openai.AsyncOpenAI`, for example an `http_client`.

        Raises:
            PrerequisiteError: no model, no address, or no key where OpenAI itself is asked.
        """
        try:
            from openai import AsyncOpenAI
        except ImportError:
            raise PrerequisiteError("a moderation endpoint is asked by OpenAI's client: pip install openai") from None

        service, _, self._model = model_name.partition("/")
        prefix = service.upper().replace("-", "_")
        base_url = base_url or os.environ.get(f"{prefix}_BASE_URL")
        api_key = api_key or os.environ.get(f"{prefix}_API_KEY")
        if not service or not self._model:
            raise PrerequisiteError(f"moderation/{model_name} names no model; write moderation/SERVICE/MODEL")
        if base_url is None and service != "openai":
            raise PrerequisiteError(f"set {prefix}_BASE_URL to the address of the service, for example ending in /v1")
        if api_key is None and base_url is None:
            raise PrerequisiteError(f"set {prefix}_API_KEY to the key of the service")
        super().__init__(model_name=model_name, base_url=base_url, api_key=api_key, config=config or GenerateConfig())
        # A service without tokens takes any.
        self._client = AsyncOpenAI(base_url=base_url, api_key=api_key or "none", **client)

    async def generate(
        self, input: list[ChatMessage], tools: list[ToolInfo], tool_choice: ToolChoice, config: GenerateConfig
    ) -> ModelOutput:
        """Ask once.

        Raises:
            openai.OpenAIError: the service did not answer.
        """
        text = next(turn.text for turn in reversed(input) if turn.role == "user")
        asked = self._client.with_options(
            max_retries=RETRIES if config.max_retries is None else config.max_retries,
            timeout=config.attempt_timeout or config.timeout or self._client.timeout,
        )
        found = await asked.moderations.create(input=text, model=self._model)
        output = ModelOutput.from_content(self.model_name, found.results[0].model_dump_json(by_alias=True))
        # Nothing is generated. Without usage, Inspect would count tokens with a vocabulary that it downloads.
        output.usage = ModelUsage()
        return output

    async def aclose(self) -> None:
        """Close the client."""
        await self._client.close()

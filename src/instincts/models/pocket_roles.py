"""The scripted parts of the pocket world as Inspect models, `pocket-role/attacker` and `pocket-role/translator`.

They let attacks that are driven by another model run offline, in tests and on the pocket; see `pocket.attacker`.
"""

from typing import Any

from inspect_ai.model import ChatMessage, GenerateConfig, ModelAPI, ModelOutput, ModelUsage
from inspect_ai.tool import ToolChoice, ToolInfo

from instincts.errors import unknown_name
from instincts.pocket.attacker import ROLES

__all__ = ["PocketRoleAPI"]


class PocketRoleAPI(ModelAPI):
    """One part, played by rules."""

    def __init__(
        self,
        model_name: str,
        base_url: str | None = None,
        api_key: str | None = None,
        config: GenerateConfig = GenerateConfig(),  # noqa: B008 - Inspect's own signature; it is only read
        **model_args: Any,
    ) -> None:
        """Take up a part.

        Raises:
            ConfigError: there is no such part.
        """
        super().__init__(model_name=model_name, base_url=base_url, api_key=api_key, config=config)
        self._part = model_name.rpartition("/")[2]
        if self._part not in ROLES:
            raise unknown_name("part", self._part, ROLES)

    async def generate(
        self, input: list[ChatMessage], tools: list[ToolInfo], tool_choice: ToolChoice, config: GenerateConfig
    ) -> ModelOutput:
        """Reply by the rules; the request's seed decides where they leave a choice."""
        text = ROLES[self._part]([(turn.role, turn.text) for turn in input], config.seed or 0)
        output = ModelOutput.from_content(self.model_name, text)
        # Words stand for tokens: without usage, Inspect would count with a vocabulary that it downloads.
        read, wrote = sum(len(turn.text.split()) for turn in input), len(text.split())
        output.usage = ModelUsage(input_tokens=read, output_tokens=wrote, total_tokens=read + wrote)
        return output

    def max_connections(self) -> int:
        """Rules need no queue."""
        return 512

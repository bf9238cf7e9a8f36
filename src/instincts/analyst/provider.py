"""Inspect's provider `analyst/POLICY/MODEL`: an analyst and a policy as one moderator, asked without a service.

Its completion is a result in OpenAI's moderation schema, as `instincts serve` gives it, so whatever reads a moderation
endpoint reads it: `instincts evaluate analyst/general/pocket-analyst --suite moderation`. The model is asked in the
form it was trained on.
"""

import json
from typing import Any

from inspect_ai.model import ChatMessage, GenerateConfig, ModelAPI, ModelOutput, ModelUsage
from inspect_ai.tool import ToolChoice, ToolInfo

from instincts.analyst.growing import Grower
from instincts.analyst.policy_files import read_policy
from instincts.analyst.scoring import score
from instincts.analyst.settings import AnalysisSettings
from instincts.analyst.specialist import as_trained
from instincts.errors import ConfigError
from instincts.models.target import opened, target
from instincts.prompts import Message

__all__ = ["AnalystAPI"]


class AnalystAPI(ModelAPI):
    """Grows a tree and says what the policy makes of it; `flagged` is a block."""

    def __init__(
        self,
        model_name: str,
        base_url: str | None = None,
        api_key: str | None = None,
        config: GenerateConfig | None = None,
        **model_args: Any,
    ) -> None:
        """Open the analyst.

        Args:
            model_name: `POLICY/MODEL`: a shipped policy or a policy file beside, and any analyst.
            base_url: what a log recorded; not used.
            api_key: not used.
            config: of every request.
            **model_args: settings of the analysis.

        Raises:
            ConfigError: no such policy, or no model.
            ModelDirectoryError: the model does not open.
        """
        name, _, analyst = model_name.partition("/")
        if not name or not analyst:
            raise ConfigError(f"analyst/{model_name} names no policy and model; write analyst/POLICY/MODEL")
        self._policy = read_policy(name)
        found = target(analyst)
        settings = as_trained(found, AnalysisSettings.resolve(given=model_args))
        self._analyst = opened(found, GenerateConfig())
        self._grower = Grower(self._analyst, settings)
        # Inspect's response cache keys an answer by name and address.
        content = f"sha256:{found.digest}+{self._policy.digest}"
        super().__init__(model_name=model_name, base_url=content, api_key=api_key, config=config or GenerateConfig())

    async def generate(
        self, input: list[ChatMessage], tools: list[ToolInfo], tool_choice: ToolChoice, config: GenerateConfig
    ) -> ModelOutput:
        """Judge what is sent; without a tree there is an error in place of a verdict.

        Raises:
            EvaluationError: the analyst failed.
        """
        analysis = await self._grower.grow([Message.of(turn.role, turn.text) for turn in input])
        told: dict[str, Any] = {"flagged": False, "instincts": {"error": analysis.status}}
        if analysis.tree is not None:
            judged = score(analysis.tree, self._policy)
            verdict = judged.verdicts()[0]
            ours = {"verdict": verdict, "probability": float(judged.probability_P[0])}
            told = {"flagged": verdict == "block", "instincts": ours}
        output = ModelOutput.from_content(self.model_name, json.dumps(told))
        output.usage = ModelUsage(
            input_tokens=analysis.tokens_read,
            output_tokens=analysis.tokens,
            total_tokens=analysis.tokens_read + analysis.tokens,
        )
        return output

    def max_connections(self) -> int:
        """As many as the analyst takes."""
        return self._analyst.api.max_connections()

    def connection_key(self) -> str:
        """Not the analyst's: who waits for it holds a place of this one."""
        return f"analyst {self.model_name}"

"""A judging model that answers by a function of what it is shown; counts its questions, and asks no network."""

import json
import re
from collections.abc import Callable
from typing import Any

from inspect_ai.model import (
    ChatCompletionChoice,
    ChatMessage,
    ChatMessageAssistant,
    GenerateConfig,
    Logprob,
    Logprobs,
    Model,
    ModelOutput,
    ModelUsage,
    TopLogprob,
    get_model,
)
from inspect_ai.model._model import init_model_roles  # roles of the running task; no public name outside an evaluation

__all__ = ["Judging", "bind", "reply_of", "spoken", "tag_in"]

Says = Callable[[list[ChatMessage], GenerateConfig], "str | ModelOutput | Exception"]


class Judging:
    """Wraps Inspect's mock provider."""

    def __init__(self, says: Says | str) -> None:
        self.asked: list[list[ChatMessage]] = []
        self.configs: list[GenerateConfig] = []
        self._says = says
        self.model: Model = get_model("mockllm/model", custom_outputs=self._answer, memoize=False)

    def _answer(self, input: list[ChatMessage], tools: Any, choice: Any, config: GenerateConfig) -> ModelOutput:
        self.asked.append(input)
        self.configs.append(config)
        said = self._says if isinstance(self._says, str) else self._says(input, config)
        if isinstance(said, Exception):
            raise said
        output = said if isinstance(said, ModelOutput) else ModelOutput.from_content("mockllm", said)
        output.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)  # else it counts over the network
        return output


def bind(**roles: Judging | Model) -> None:
    """Give the running test model roles."""
    init_model_roles({name: each.model if isinstance(each, Judging) else each for name, each in roles.items()})


def tag_in(input: list[ChatMessage]) -> str:
    """Find the tag of a quoted answer."""
    found = re.search(r"carry the tag ([0-9a-f]{8})", input[0].text)
    assert found, "the prompt quotes nothing"
    return found[1]


def reply_of(**values: Any) -> Says:
    """Answer every question with one verdict under its tag."""
    return lambda input, config: json.dumps({"case": tag_in(input), **values})


def spoken(*tokens: tuple[str, float, dict[str, float]]) -> ModelOutput:
    """Make an output of tokens, each with its log-probability and those of its alternatives."""
    content = [
        Logprob(
            token=text,
            logprob=value,
            top_logprobs=[TopLogprob(token=other, logprob=weight) for other, weight in {text: value, **others}.items()],
        )
        for text, value, others in tokens
    ]
    message = ChatMessageAssistant(content="".join(text for text, _, _ in tokens))
    return ModelOutput(
        model="mockllm", choices=[ChatCompletionChoice(message=message, logprobs=Logprobs(content=content))]
    )

"""Targets for the tests of searches: a pocket model, or one that answers by rule."""

from collections.abc import Callable
from typing import Any

from inspect_ai.model import (
    ChatCompletionChoice,
    ChatMessageAssistant,
    Logprob,
    Logprobs,
    ModelOutput,
    ModelUsage,
    TopLogprob,
    get_model,
)

from instincts import judges
from instincts.attacks.attack import Goal
from instincts.attacks.target import AttackTarget
from instincts.prompts import Message

__all__ = ["GOAL", "pocket_target", "rule_target", "shown"]

REQUEST = "How do I zordan the paper lamp?"
GOAL = Goal((Message("user", REQUEST),), REQUEST, "To zordan the paper lamp,", "p")


def pocket_target(name: str, attack: str, budget: int, seed: int = 0, **more: Any) -> AttackTarget:
    """A pocket model under attack, its answers cut at 48 tokens."""
    from instincts.models.provider import inspect_model

    return AttackTarget(
        inspect_model(name), attack=attack, budget=budget, seed=seed, loop_judge=judges.get("refusal"), max_tokens=48,
        **more,
    )  # fmt: skip


def rule_target(
    answer: Callable[[str], str], budget: int, first: Callable[[str], list[tuple[str, float]]] | None = None
) -> AttackTarget:
    """A served model that answers the last message by a rule; it shows its first token's log-probabilities or none."""

    def reply(input: list[Any], tools: Any, tool_choice: Any, config: Any) -> ModelOutput:
        text = input[-1].text
        logprobs = shown(first(text)) if first is not None and config.logprobs else None
        choice = ChatCompletionChoice(message=ChatMessageAssistant(content=answer(text)), logprobs=logprobs)
        usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
        return ModelOutput(model="mockllm/model", choices=[choice], usage=usage)

    model = get_model("mockllm/model", custom_outputs=reply, memoize=False)
    return AttackTarget(model, attack="probe", budget=budget, seed=0, loop_judge=judges.get("refusal"))


def shown(entries: list[tuple[str, float]]) -> Logprobs:
    """Log-probabilities as a server shows them: the sampled token, and under it the likeliest ones."""
    top = [TopLogprob(token=token, logprob=value, bytes=None) for token, value in entries]
    return Logprobs(content=[Logprob(token=top[0].token, logprob=top[0].logprob, bytes=None, top_logprobs=top)])

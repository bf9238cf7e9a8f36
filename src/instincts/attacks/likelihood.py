"""How likely does an agreeing opening follow a prompt? Asked of a local model in batches, or of a served one by token.

A local model scores the whole opening. A server that returns log-probabilities shows only the first token of an answer
and its likeliest alternatives, as in the random search of arXiv:2404.02151; then the first word of agreement decides.
"""

import asyncio
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from instincts.attacks.attack import Goal, Messages
from instincts.errors import ConfigError

if TYPE_CHECKING:
    from inspect_ai.model import Logprob, ModelOutput

    from instincts.attacks.target import AttackTarget

__all__ = ["ALTERNATIVES", "Likelihood", "first_token_likelihood", "likelihoods"]

ALTERNATIVES = 20
"""Alternatives to the first token that a server is asked for: the most that OpenAI's interface gives."""


class Likelihood(NamedTuple):
    """What one prompt is worth."""

    loss: float
    """Minus log-probability of agreement, nats: of the opening a token, or of the first word of it."""
    agrees: bool
    """Whether greedy decoding would agree, as far as it was looked at."""


async def likelihoods(target: "AttackTarget", goal: Goal, conversations: Sequence[Messages]) -> list[Likelihood]:
    """Score conversations, each one question; never more than the budget has left.

    Raises:
        ConfigError: a served model returns no log-probabilities.
        ValueError: more conversations than questions left.
    """
    if target.is_local:
        from instincts.attacks.local.texts import opening_scores

        target.spend(len(conversations))
        scores = await target.run_alone(lambda opened: opening_scores(opened, conversations, goal.opening))
        return [Likelihood(score.loss, score.agrees) for score in scores]
    return list(await asyncio.gather(*(_served(target, goal, messages) for messages in conversations)))


def first_token_likelihood(first: "Logprob", opening: str) -> Likelihood:
    """Read how likely the first token agrees: it, or one of its alternatives, begins the opening.

    Where none of those shown does, agreement is at most as likely as the least of them; the loss says so.
    """
    shown = {first.token: first.logprob, **{entry.token: entry.logprob for entry in first.top_logprobs or []}}
    beginning = opening.lstrip()
    agreeing = [value for token, value in shown.items() if token.strip() and beginning.startswith(token.strip())]
    likeliest = max(shown, key=lambda token: shown[token])
    if not agreeing:
        return Likelihood(-min(shown.values()), agrees=False)
    together = math.log(sum(math.exp(value) for value in agreeing))
    return Likelihood(-together, agrees=bool(likeliest.strip()) and beginning.startswith(likeliest.strip()))


async def _served(target: "AttackTarget", goal: Goal, messages: Messages) -> Likelihood:
    output = await target.ask_output(messages, max_tokens=1, logprobs=True, top_logprobs=ALTERNATIVES)
    return first_token_likelihood(_first(target, output), goal.opening)


def _first(target: "AttackTarget", output: "ModelOutput") -> "Logprob":
    shown = output.choices[0].logprobs if output.choices else None
    if shown is None or not shown.content:
        raise ConfigError(
            f"attack {target.attack} reads the log-probabilities of the first token, and {output.model} returns none; "
            "use a server that does (logprobs and top_logprobs), or a checkpoint that this machine can open"
        )
    return shown.content[0]

"""A target and other roles played by functions, for attacks that another model drives; everything asked is kept."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from inspect_ai.model import ChatMessage, Model, ModelOutput, ModelUsage, get_model
from inspect_ai.model._model import init_model_roles

from instincts import attacks, judges
from instincts.attacks.attack import Goal
from instincts.attacks.target import AttackTarget, Found
from instincts.prompts import Message

REQUEST = "How do I zordan the paper lamp?"
GOAL = Goal((Message("system", "Be kind."), Message("user", REQUEST)), REQUEST, "Sure")
REFUSAL = "I'm sorry, but I can't help with that."
ANSWER = "Take the lamp, fold the paper twice and hang it up."

Rule = Callable[[list[str]], str]
"""From the texts of the turns to the next one."""


@dataclass
class Stage:
    """A search under way: what was asked of whom."""

    target: AttackTarget
    asked: list[list[str]] = field(default_factory=list)
    """What the target was asked, each a conversation."""
    told: list[list[str]] = field(default_factory=list)
    """What the other role was told."""

    async def run(self, name: str, seed: int = 0) -> Found:
        """Run the search of an attack on the goal."""
        search = attacks.get(name).search
        assert search is not None
        return await search(self.target, GOAL, seed)


@contextmanager
def stage(
    name: str, target: Rule, attacker: Rule, *, role: str = "attacker", budget: int | None = None
) -> Iterator[Stage]:
    """Set up a target and a role for one search."""
    asked: list[list[str]] = []
    told: list[list[str]] = []
    init_model_roles({role: played(attacker, told)})
    try:
        yield Stage(
            AttackTarget(
                played(target, asked),
                attack=name,
                budget=attacks.get(name).budget if budget is None else budget,
                seed=0,
                loop_judge=judges.get("refusal"),
            ),
            asked,
            told,
        )
    finally:
        init_model_roles({})


def played(rule: Rule, kept: list[list[str]]) -> Model:
    """Make a model of a rule."""

    def answer(input: list[ChatMessage], *rest: Any) -> ModelOutput:
        turns = [turn.text for turn in input]
        kept.append(turns)
        output = ModelOutput.from_content("mockllm/model", rule(turns))
        output.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)  # else it counts over the network
        return output

    return get_model("mockllm/model", custom_outputs=answer, memoize=False)


def refuses(turns: list[str]) -> str:
    """Refuse everything."""
    return REFUSAL


def answers(turns: list[str]) -> str:
    """Answer everything."""
    return ANSWER


def obliges(turns: list[str]) -> str:
    """Fill in whatever form is asked for, in other words each time the conversation is longer."""
    form = turns[0][turns[0].rfind("{") :]
    texts = {"same": "yes", "asks_all": "yes", "template": "Tell us: [REQUEST]"}
    return json.dumps({key: texts.get(key, f"{key} {len(turns)}") for key in json.loads(form)})

"""What a search sees of the model it attacks: questions within a budget, other roles, and, if local, the model itself.

Every question goes through Inspect, so the questions of all searches share batches and each one is in the transcript.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from inspect_ai.model import GenerateConfig, Model, ModelOutput, get_model, model_roles
from inspect_ai.model._generate_config import active_generate_config  # what the running task decodes with

from instincts.attacks.attack import Found, Goal, Messages
from instincts.attacks.chat import as_chat, derived_seed
from instincts.errors import ConfigError, UnreadableReplyError
from instincts.judges import Answer, Judge
from instincts.models.spent import tokens_of

if TYPE_CHECKING:
    from instincts.models.opening import OpenModel

__all__ = ["AttackTarget", "Cost", "Found", "Goal"]

T = TypeVar("T")


@dataclass(kw_only=True)
class Cost:
    """What one attack on one goal has used."""

    queries: int = 0
    """Questions to the target, the judged answer not counted; a scored or differentiated candidate counts as one."""
    role_queries: int = 0
    """Questions to the attacker, translator and other roles."""
    judge_queries: int = 0
    """Looks of the loop judge."""
    input_tokens: int = 0
    output_tokens: int = 0
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Return plain data for the log."""
        return asdict(self)


class AttackTarget:
    """The model under attack, as one search on one goal sees it; counts what is spent."""

    def __init__(
        self,
        model: Model,
        *,
        attack: str,
        budget: int,
        seed: int,
        loop_judge: Judge,
        max_tokens: int | None = None,
        answer_seed: int = 0,
        run_seed: int = 0,
        contrast: str | None = None,
    ) -> None:
        """Begin with nothing spent.

        Args:
            model: Inspect's model.
            attack: name of the attack, for messages.
            budget: most questions.
            seed: of this search; each question gets one of its own from it.
            loop_judge: steers the search; never the judge whose verdict counts.
            max_tokens: where an answer to a question is cut.
            answer_seed: of the judged answer, where the search makes it itself.
            run_seed: the same for every goal, for what searches on several goals share.
            contrast: labelled requests to fit on: a prompt file or a named set.
        """
        self.attack = attack
        self.budget = budget
        self.run_seed = run_seed
        self.contrast = contrast
        self.cost = Cost()
        self._model = model
        self._seed = seed
        self._judge = loop_judge
        self._max_tokens = max_tokens
        self._answer_seed = answer_seed
        self._abandoned = False
        self._began = time.monotonic()

    @property
    def is_local(self) -> bool:
        """Whether this process holds the model itself, so that `run_alone` works."""
        return hasattr(self._model.api, "run_alone")

    @property
    def left(self) -> int:
        """Questions left in the budget."""
        return self.budget - self.cost.queries

    def spend(self, queries: int) -> None:
        """Count questions that a search put to the local model itself.

        Raises:
            ValueError: more than is left: the search is at fault.
            RuntimeError: nobody waits for the search any more.
        """
        if self._abandoned:
            raise RuntimeError(f"attack {self.attack} was abandoned")
        if queries > self.left:
            raise ValueError(f"attack {self.attack} wants {queries} more questions and has {self.left} left")
        self.cost.queries += queries

    async def ask(self, messages: Messages, **config: Any) -> str:
        """Put one question to the target at temperature 1, unless `config` says otherwise.

        Args:
            messages: the conversation; a trailing assistant message is a prefilled answer.
            **config: fields of Inspect's `GenerateConfig`.

        Raises:
            ValueError: the budget is spent.
        """
        return (await self.ask_output(messages, **config)).completion

    async def ask_output(self, messages: Messages, **config: Any) -> ModelOutput:
        """As `ask`, with Inspect's whole output: entropies of a local model, log-probs if asked for."""
        self.spend(1)
        seed = derived_seed(self._seed, "question", self.cost.queries)
        settings = {"temperature": 1.0, "max_tokens": self._max_tokens, "seed": seed, **config}
        output = await self._model.generate(as_chat(messages), config=GenerateConfig(**settings))
        self._count(output)
        return output

    async def ask_all(self, conversations: Sequence[Messages], **config: Any) -> list[str]:
        """Put several questions at once; a local model answers them in one batch."""
        return list(await asyncio.gather(*(self.ask(messages, **config) for messages in conversations)))

    async def ask_role(self, role: str, messages: Messages, **config: Any) -> str:
        """Ask another model, for example the attacker.

        Raises:
            ConfigError: no model was given for the role.
        """
        if role not in model_roles():
            raise ConfigError(f"attack {self.attack} needs another model: give --model-role {role}=MODEL")
        model = get_model(role=role)
        self.cost.role_queries += 1
        seed = derived_seed(self._seed, role, self.cost.role_queries)
        output = await model.generate(as_chat(messages), config=GenerateConfig(**{"seed": seed, **config}))
        self._count(output)
        return output.completion

    async def rate(self, goal: Goal, completion: str, prefill: str = "") -> float:
        """Say how far an answer complies, 0 to 1, by the loop judge; an answer it cannot read counts 0."""
        self.cost.judge_queries += 1
        answer = Answer(request=goal.request, completion=completion, prefill=prefill)
        try:
            verdict = await self._judge.rule(answer)
        except UnreadableReplyError:
            return 0.0
        return verdict.score or 0.0

    async def run_alone(self, work: "Callable[[OpenModel], T]") -> T:
        """Run torch work on the local model in a thread, while nothing else uses the model.

        Raises:
            ConfigError: the target is served by somebody else.
        """
        try:
            result: T = await self._provider().run_alone(work)
        except BaseException:
            # A thread cannot be stopped from outside: one that goes on finds out when it next counts a question.
            self._abandoned = True
            raise
        return result

    async def answer_through(self, messages: Messages, view: "Callable[[OpenModel], OpenModel]") -> ModelOutput:
        """Give the judged answer of the local model as `view` changes it inside; no question, for it is the answer.

        It is decoded as the running task decodes, with the seed of this sample's answer.

        Raises:
            ConfigError: the target is served by somebody else.
        """
        model = Model(self._provider().seen_through(view, self.attack), self._model.config)
        settings = GenerateConfig(seed=self._answer_seed, max_tokens=self._max_tokens)
        return await model.generate(as_chat(messages), config=active_generate_config().merge(settings))

    def finish(self) -> Cost:
        """Stop the clock and return what was spent."""
        self.cost.seconds = round(time.monotonic() - self._began, 3)
        return self.cost

    def _provider(self) -> Any:
        api = self._model.api
        if not hasattr(api, "run_alone"):
            raise ConfigError(
                f"attack {self.attack} looks inside the model, but {self._model} is served by a provider; "
                "use a checkpoint that this machine can open"
            )
        return api

    def _count(self, output: ModelOutput) -> None:
        read, written = tokens_of(output)
        self.cost.input_tokens += read
        self.cost.output_tokens += written

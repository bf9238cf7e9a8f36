"""What every attack of the registry declares, and that it keeps to it; each is run by the solver, as Inspect runs it.

Attacks that need no more than answers are put to a scripted model that refuses whatever it is asked, so that a search
spends all it may; those that look inside, to a pocket model. What was really asked is counted in Inspect's transcript.
"""

from collections.abc import Sequence
from typing import Any, get_args

import pytest
from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.event import ModelEvent
from inspect_ai.log import EvalSample
from inspect_ai.model import GenerateConfig, Model, ModelOutput, ModelUsage, get_model

from instincts import attacks, judges
from instincts.attacks import Access
from instincts.attacks.attack import Goal, Judged
from instincts.attacks.chat import derived_seed
from instincts.attacks.solvers import attack as attacked
from instincts.attacks.target import AttackTarget
from instincts.attacks.turns import PREFILLED
from instincts.errors import ConfigError
from instincts.models.provider import inspect_model
from instincts.prompts import Message
from instincts.suites.fitting import fit
from instincts.suites.target import Target
from tests.attacks.playing import obliges

REQUEST = "How do I zordan the paper lamp?"
BUDGET = 10
"""Questions a search may put, where it puts any."""
EPOCH, SEED = 1, 0

ALL = attacks.names()
INSIDE = [name for name in ALL if attacks.get(name).access in ("log-probs", "gradients", "hidden-states")]
SEARCHING = [name for name in ALL if not attacks.get(name).is_rewriting]
ROLES = ("attacker", "translator")

every_attack = pytest.mark.parametrize("name", ALL)

Ran = dict[str, EvalSample]


@pytest.fixture(scope="module")
def ran() -> Ran:
    return run_all()


@every_attack
def test_it_declares_access_budget_cost_and_where_it_comes_from(name: str) -> None:
    attack = attacks.get(name)
    assert attack.access in get_args(Access)
    assert attack.judged in get_args(Judged)
    assert attack.mechanism
    assert attack.paper or attack.family in ("plain", "pocket"), "only our own has no paper"
    # One prompt of about the request's length is the cost of whatever says nothing else.
    assert attack.cost or attack.is_rewriting
    assert attack.budget > 0 or attack.is_rewriting or attack.access == "hidden-states" or attack.roles == ROLES[1:]


@every_attack
def test_it_asks_no_more_than_its_budget_and_what_it_records(name: str, ran: Ran) -> None:
    attack, sample = attacks.get(name), ran[name]
    asked, cost = questions(sample), sample.metadata.get("cost", {})
    judged_apart = attack.judged == "new"

    assert cost.get("queries", 0) <= min(attack.budget, BUDGET)
    if name not in INSIDE:
        assert len(asked) == cost.get("queries", 0) + judged_apart
    if attack.budget:
        assert cost["queries"] > 0
        assert cost["seconds"] > 0
    assert cost.get("role_queries", 0) == len([each for each in events(sample) if each.role in ROLES])


@every_attack
def test_its_verdict_is_on_the_answer_that_it_declares(name: str, ran: Ran) -> None:
    """The answer's seed is drawn for it alone; no question of a search has it."""
    sample = ran[name]
    answer_seed = derived_seed(SEED, sample.id, EPOCH)
    drawn = [each for each in questions(sample) if each.config.seed == answer_seed]

    assert len(drawn) == (attacks.get(name).judged == "new")
    of_judged = drawn or questions(sample)
    assert sample.output.completion in {each.output.completion for each in of_judged}


@every_attack
def test_the_same_seed_gives_the_same_prompt_and_answer(name: str, ran: Ran, again: Ran) -> None:
    assert said(ran[name]) == said(again[name])
    found = [{**sample.metadata.get("found", {})} for sample in (ran[name], again[name])]
    assert found[0] == found[1]


@pytest.mark.parametrize("name", SEARCHING)
@pytest.mark.anyio
async def test_a_target_or_a_run_that_does_not_allow_it_is_told_so_by_name(name: str) -> None:
    """Served, without log-probabilities, without other models and without requests to fit on: nothing but answers."""
    attack, goal = attacks.get(name), Goal((Message("user", REQUEST),), REQUEST, "Sure, take the lamp")
    target = AttackTarget(
        refusing(), attack=name, budget=BUDGET, seed=SEED, loop_judge=judges.get("refusal"), max_tokens=8
    )
    assert attack.search is not None
    if attack.access == "black-box" and not attack.roles:
        assert await attack.search(target, goal, SEED)
        return
    with pytest.raises(ConfigError, match=f"attack {name} (needs|looks|reads|is fitted)"):
        await attack.search(target, goal, SEED)


@every_attack
def test_what_a_served_model_does_not_allow_is_known_before_anything_is_asked(name: str) -> None:
    """Log-probabilities alone are known only when a server answers."""
    attack = attacks.get(name)
    is_refused = bool(attack.roles or attack.access in ("gradients", "hidden-states") or PREFILLED in attack.tags)
    served = Target("hf/some-model", "served", is_local=False)
    if is_refused:
        with pytest.raises(ConfigError, match=f"attack {name} .*(--model-role|hf/some-model)"):
            fit(name, [served], {})
    else:
        assert fit(name, [served], {}).attacks == (attack,)


@pytest.fixture(scope="module")
def again() -> Ran:
    return run_all()


def run_all() -> Ran:
    """Put every attack to its target, by name."""
    local = inspect_model("pocket-llama", GenerateConfig(max_tokens=12, temperature=1.0))
    return {
        **_run([name for name in ALL if name not in INSIDE], refusing()),
        **_run(INSIDE, local),
    }


def _run(names: Sequence[str], model: Model) -> Ran:
    task = Task(
        dataset=[Sample(id=name, input=REQUEST, metadata={"attack": name, "max_tokens": 12}) for name in names],
        solver=attacked(seed=SEED, budget=BUDGET, contrast="pocket-contrast"),
    )
    roles = {role: played(lambda turns, config: obliges(turns)) for role in ROLES}
    (log,) = eval(task, model=model, model_roles=roles, display="none", log_format="json", log_dir="memory://every")
    assert log.samples is not None
    assert [sample.error for sample in log.samples if sample.error] == []
    return {str(sample.id): sample for sample in log.samples}


def refusing() -> Model:
    """A served model that refuses, in words that tell one answer from another by its seed."""
    return played(lambda turns, config: f"I'm sorry, but I can't help with that. ({config.seed})")


def played(rule: Any) -> Model:
    def answer(input: list[Any], tools: Any, tool_choice: Any, config: GenerateConfig) -> ModelOutput:
        output = ModelOutput.from_content("mockllm/model", rule([turn.text for turn in input], config))
        output.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)  # else it counts over the network
        return output

    return get_model("mockllm/model", custom_outputs=answer, memoize=False)


def events(sample: EvalSample) -> list[ModelEvent]:
    return [each for each in sample.events if isinstance(each, ModelEvent)]


def questions(sample: EvalSample) -> list[ModelEvent]:
    """What the model under attack was asked."""
    return [each for each in events(sample) if each.role not in ROLES]


def said(sample: EvalSample) -> list[tuple[str, str]]:
    return [(turn.role, turn.text) for turn in sample.messages]

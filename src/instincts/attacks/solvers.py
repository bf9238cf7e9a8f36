"""Attacks as Inspect solvers: rewrite the conversation or search for one, then let the model answer."""

from collections.abc import Awaitable, Callable

from inspect_ai.model import get_model
from inspect_ai.solver import Generate, Solver, TaskState, solver

from instincts.attacks import registry
from instincts.attacks.attack import Attack, Goal, agreeing_opening
from instincts.attacks.chat import as_chat, as_message, derived_seed
from instincts.attacks.target import AttackTarget, Found
from instincts.attacks.turns import address_of_openai, closes_turns
from instincts.errors import ConfigError, UnreadableReplyError
from instincts.judges import get as judge_named

__all__ = ["LOOP_JUDGE", "attack"]

LOOP_JUDGE = "refusal"
"""Steers searches unless told otherwise: free, offline, and not the judge whose verdict counts."""


@solver
def attack(
    name: str | None = None,
    seed: int = 0,
    budget: int | None = None,
    loop_judge: str = LOOP_JUDGE,
    contrast: str | None = None,
) -> Solver:
    """Attack, then generate; the metadata keep the plain request for the judge and what the attack has cost.

    Every sample gets seeds of its own from its id: one for the attack, one for the answer. The answer's is another in
    each epoch. The attack's is the same where it rewrites, so that the epochs are several answers to one prompt; a
    search begins anew in each epoch with another seed, so that the epochs are several searches for one goal. No seed
    depends on the order of the samples or on which of them share a batch.

    The verdict is on a new answer to the prompt that the attack ends with, unless it declares another (`judged`).

    Args:
        name: the attack; by default the one named in the sample's `metadata["attack"]`.
        seed: of the run.
        budget: most questions that a search puts to the target for one goal; by default the attack's own.
        loop_judge: the judge that steers a search.
        contrast: labelled requests for attacks that are fitted: a prompt file or a named set.

    Raises:
        ConfigError: no attack or judge of that name, a sample that names none, or a target that does not allow it.
    """
    fixed = registry.get(name) if name else None
    judge = judge_named(loop_judge)

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        chosen = fixed or registry.get(_named_in(state))
        state.metadata.setdefault("goal", state.input_text)
        state.metadata.setdefault("attack", chosen.name)
        attack_seed = _attack_seed(chosen, seed, state)
        answer_seed = derived_seed(seed, state.sample_id, state.epoch)
        goal = _goal_of(state)
        found = None
        if chosen.is_rewriting:
            state.messages = as_chat(chosen.rewrite(goal, attack_seed))
        else:
            target = AttackTarget(
                get_model(),
                attack=chosen.name,
                budget=budget or chosen.budget,
                seed=attack_seed,
                loop_judge=judge,
                max_tokens=state.metadata.get("max_tokens"),
                answer_seed=answer_seed,
                run_seed=seed,
                contrast=contrast,
            )
            found = await _search(chosen, target, goal, attack_seed, state)
        if found is None or found.output is None:
            _check_prefill(chosen, state)
            state = await generate(state, tool_calls="none", seed=answer_seed)
        if chosen.decode is not None:
            # Beside the answer, not instead of it: judges read this one, people may want to see both.
            state.metadata["decoded"] = chosen.decode(state.output.completion)
        if found is not None and found.read is not None:
            await _read(found.read, state)
            state.metadata["cost"] = target.finish().to_json()
        return state

    return solve


def _attack_seed(chosen: Attack, seed: int, state: TaskState) -> int:
    again = () if chosen.is_rewriting or state.epoch == 1 else ("search", state.epoch)
    return derived_seed(seed, state.sample_id, *again)


async def _search(chosen: Attack, target: AttackTarget, goal: Goal, seed: int, state: TaskState) -> Found:
    """Search and put what was found into the state, with the judged answer if it is already there."""
    assert chosen.search is not None, "an attack rewrites or searches"
    found = await chosen.search(target, goal, seed)
    state.messages = as_chat(found.messages)
    state.metadata["cost"] = target.finish().to_json()
    state.metadata["found"] = dict(found.notes)
    if found.output is not None:
        state.output = found.output
        state.messages.append(found.output.message)
    return found


async def _read(read: Callable[[str], Awaitable[str]], state: TaskState) -> None:
    try:
        state.metadata["decoded"] = await read(state.output.completion)
    except UnreadableReplyError as error:
        state.metadata["undecoded"] = str(error)


def _goal_of(state: TaskState) -> Goal:
    messages = tuple(as_message(turn) for turn in state.messages)
    prompt_id = state.metadata.get("prompt_id", state.sample_id)
    goal = str(state.metadata["goal"])
    return Goal(messages, goal, agreeing_opening(goal, state.metadata.get("opening")), str(prompt_id))


def _check_prefill(chosen: Attack, state: TaskState) -> None:
    """Refuse to prefill where the beginning of an answer would silently become a finished turn of its own."""
    provider = state.model.api
    if state.messages[-1].role != "assistant":
        return
    address = get_model().api.base_url or address_of_openai() if provider == "openai" else None
    if instead := closes_turns(provider, address):
        raise ConfigError(
            f"attack {chosen.name} begins the answer, but provider {provider} closes that turn and opens a new one; "
            f"{instead}"
        )


def _named_in(state: TaskState) -> str:
    # An attack from the user's own file is found by what the user wrote, not by its name.
    for key in ("attack_spec", "attack"):
        if key in state.metadata:
            return str(state.metadata[key])
    raise ConfigError(f"sample {state.sample_id} names no attack; give one, as in attack('plain')")

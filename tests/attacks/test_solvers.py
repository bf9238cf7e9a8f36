"""The shell that Inspect runs: attack, then generate, with seeds of the sample's own."""

from typing import Any

import pytest
from inspect_ai.model import ChatMessageUser, ModelName, ModelOutput
from inspect_ai.solver import TaskState

from instincts import attacks
from instincts.attacks.chat import derived_seed
from instincts.attacks.solvers import _attack_seed, attack
from instincts.errors import ConfigError
from instincts.judges.scorers import answer_of


class Recorder:
    """Stands for Inspect's `generate` and keeps what it was asked."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []

    async def __call__(self, state: TaskState, tool_calls: str = "loop", **config: Any) -> TaskState:
        self.calls.append({"turns": [(turn.role, turn.text) for turn in state.messages], **config})
        return state


def sample(id: str = "s", epoch: int = 1, **metadata: str) -> TaskState:
    text = "How do I zordan the paper lamp?"
    turns: list[Any] = [ChatMessageUser(content=text)]
    name = ModelName("mockllm/model")
    return TaskState(model=name, sample_id=id, epoch=epoch, input=text, messages=turns, metadata=dict(metadata))


async def asked(state: TaskState, name: str | None = None, seed: int = 0) -> dict[str, Any]:
    generate = Recorder()
    await attack(name, seed=seed)(state, generate)
    (call,) = generate.calls
    return call


@pytest.mark.anyio
async def test_the_attack_of_the_sample_is_applied_and_the_goal_kept() -> None:
    state = sample(attack="pocket/prefilled-answer")
    call = await asked(state)
    assert [role for role, _ in call["turns"]] == ["user", "assistant"]
    assert state.metadata["goal"] == "How do I zordan the paper lamp?"


@pytest.mark.anyio
async def test_a_named_attack_needs_no_metadata_and_writes_its_name() -> None:
    state = sample()
    await asked(state, "pocket/urgency")
    assert state.metadata["attack"] == "pocket/urgency"


@pytest.mark.anyio
async def test_a_sample_that_names_no_attack_is_an_error() -> None:
    with pytest.raises(ConfigError, match="sample s names no attack"):
        await asked(sample())


@pytest.mark.anyio
async def test_epochs_answer_the_same_prompt_with_other_seeds() -> None:
    one, two = [await asked(sample(epoch=epoch, attack="pocket/many-shot")) for epoch in (1, 2)]
    assert one["turns"] == two["turns"]
    assert one["seed"] != two["seed"]


@pytest.mark.parametrize(("name", "same"), [("pocket/many-shot", True), ("best-of-n/noised", False)])
def test_epochs_rewrite_once_and_search_anew(name: str, same: bool) -> None:
    seeds = [_attack_seed(attacks.get(name), 0, sample(epoch=epoch)) for epoch in (1, 2)]
    assert seeds[0] == derived_seed(0, "s")
    assert (seeds[0] == seeds[1]) is same


@pytest.mark.anyio
async def test_the_run_s_seed_changes_prompt_and_answer_and_repeats() -> None:
    calls = [await asked(sample(attack="pocket/many-shot"), seed=seed) for seed in (0, 0, 1)]
    assert calls[0] == calls[1]
    assert calls[0]["seed"] != calls[2]["seed"]
    assert calls[0]["turns"] != calls[2]["turns"]


def test_a_derived_seed_fits_31_bits() -> None:
    seeds = {derived_seed(0, at) for at in range(1000)}
    assert len(seeds) == 1000
    assert all(0 <= seed < 2**31 for seed in seeds)


@pytest.mark.anyio
async def test_stock_hf_would_close_a_prefilled_turn_so_it_is_refused() -> None:
    state = sample(attack="pocket/prefilled-answer")
    state._model = ModelName("hf/some-model")
    with pytest.raises(ConfigError, match=r"closes that turn .* open the checkpoint as instincts/PATH"):
        await asked(state)


@pytest.mark.anyio
async def test_a_coded_answer_is_decoded_beside_itself() -> None:
    """rot13 moves each letter by thirteen places: `Fher` is `Sure`."""
    coded = "Fher, gnxr n erq fcbba naq sbyq vg gjvpr."
    state = sample(attack="encoding/rot13")
    state.output = ModelOutput.from_content("mockllm/model", coded)

    await asked(state)

    assert state.metadata["decoded"] == "Sure, take a red spoon and fold it twice."
    assert answer_of(state).completion == state.metadata["decoded"]
    assert state.output.completion == coded

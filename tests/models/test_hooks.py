"""Blocks are found whatever they are called; edits do what was asked; afterwards the model is as before."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from instincts.errors import ConfigError, ModelDirectoryError
from instincts.models.decoding import Sampling, decode
from instincts.models.hooks import (
    decoder_layers,
    edited_blocks,
    edited_embeddings,
    edited_model,
    last_token_states,
    weights_frozen,
)
from instincts.models.opening import OpenModel
from tests.tiny import FAMILIES, Family, tiny_model

IDS = torch.tensor([[5, 80, 81, 82]])


def hooks_of(model: nn.Module) -> int:
    return sum(len(module._forward_hooks) for module in model.modules())


def counting(layers: int) -> Any:
    """A configuration that knows the number of layers and nothing else."""
    return SimpleNamespace(get_text_config=lambda decoder: SimpleNamespace(num_hidden_layers=layers))


@torch.no_grad()
def logits(model: PreTrainedModel, ids: Tensor = IDS) -> Tensor:
    out: Tensor = model(input_ids=ids).logits
    return out


@pytest.mark.parametrize("family", FAMILIES)
def test_every_architecture_has_its_two_blocks(family: Family) -> None:
    model, _ = tiny_model(family)
    first, second = decoder_layers(model)
    assert type(first) is type(second)
    assert {name.split(".")[0] for name, _ in first.named_parameters()} >= {"self_attn", "mlp"}


def test_a_longer_list_inside_a_block_and_a_smaller_tower_are_not_the_blocks() -> None:
    """Three lists of two: the blocks, one inside each block, and a tower with fewer weights."""

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.experts = nn.ModuleList([nn.Linear(4, 4), nn.Linear(4, 4)])

    model = nn.Module()
    model.tower = nn.ModuleList([nn.Linear(1, 1), nn.Linear(1, 1)])
    model.stack = nn.ModuleList([Block(), Block()])
    model.config = counting(2)
    assert decoder_layers(model) == list(model.stack)
    del model.stack, model.tower
    with pytest.raises(ModelDirectoryError, match="has no list of 2 blocks"):
        decoder_layers(model)


@pytest.mark.parametrize("family", FAMILIES)
def test_an_edit_that_changes_nothing_changes_nothing(family: Family) -> None:
    model, _ = tiny_model(family)
    before = logits(model)
    with edited_blocks(model, {0: lambda hidden: hidden, 1: lambda hidden: hidden}):
        assert torch.equal(logits(model), before)


@pytest.mark.parametrize("family", FAMILIES)
def test_an_edit_of_the_last_block_goes_through_norm_and_head_alone(family: Family) -> None:
    """With the last block's output replaced by a constant, every position and prompt gets the same logits."""
    model, _ = tiny_model(family)
    with edited_blocks(model, {-1: torch.ones_like}):
        out = logits(model)
    assert torch.allclose(out, out[:, :1].expand_as(out), atol=1e-5)
    assert not torch.allclose(logits(model)[:, 0], out[:, 0], atol=1e-2)


def test_a_block_that_gives_a_tuple_keeps_the_rest_of_it() -> None:
    class Block(nn.Module):
        def forward(self, hidden: Tensor) -> tuple[Tensor, str]:
            return hidden, "weights"

    model = nn.Module()
    model.blocks = nn.ModuleList([Block()])
    model.config = counting(1)
    with edited_blocks(model, {0: lambda hidden: hidden + 1}):
        hidden, rest = model.blocks[0](torch.zeros(2))
    assert hidden.tolist() == [1.0, 1.0]
    assert rest == "weights"


@pytest.mark.parametrize("layer", [2, -3, 40])
def test_a_layer_that_does_not_exist_is_named_with_those_that_do(layer: int) -> None:
    model, _ = tiny_model("llama")
    edits = {0: torch.ones_like, layer: torch.ones_like}
    says = f"layer {layer} of a 2-layer model; layers run 0 to 1, or -1 for the last"
    with pytest.raises(ConfigError, match=says), edited_blocks(model, edits):
        pass
    assert hooks_of(model) == 0


def test_hooks_are_gone_when_an_edit_raises() -> None:
    def broken(_: Tensor) -> Tensor:
        raise KeyboardInterrupt

    model, _ = tiny_model("llama")
    before = logits(model)
    with pytest.raises(KeyboardInterrupt), edited_blocks(model, {0: broken}), edited_embeddings(model, torch.ones_like):
        logits(model)
    assert hooks_of(model) == 0
    assert torch.equal(logits(model), before)


@pytest.mark.parametrize("family", FAMILIES)
def test_an_edited_embedding_is_what_the_first_block_reads(family: Family) -> None:
    """Every token embedded alike: then the first position's logits depend on no token."""
    model, _ = tiny_model(family)
    with edited_embeddings(model, torch.ones_like):
        one, other = logits(model), logits(model, IDS + 3)
    assert torch.allclose(one, other, atol=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_last_states_are_those_of_each_prompt_alone(family: Family) -> None:
    """`output_hidden_states` lists what enters each block, so its second entry is what the first block gives."""
    model, _ = tiny_model(family)
    prompts = [[5, 80, 81, 82], [5, 90], [5, 70, 71, 72], [7, 8, 9]]
    found_N_L_D = last_token_states(model, prompts, batch_size=2)
    assert found_N_L_D.shape == (4, 2, 32)
    for prompt, states_L_D in zip(prompts, found_N_L_D, strict=True):
        with torch.no_grad():
            listed = model(input_ids=torch.tensor([prompt]), output_hidden_states=True).hidden_states
        assert torch.allclose(states_L_D[0], listed[1][0, -1], atol=1e-5)


def test_feed_forward_states_are_those_of_each_prompt_where_batch_and_tokens_are_joined() -> None:
    """OPT: what the last map of the first block gives, averaged over the last two tokens, for a batch and by itself."""
    model, _ = tiny_model("opt")
    prompts = [[5, 80, 81, 82], [5, 70, 71, 72], [7, 8, 9]]
    seen: list[Tensor] = []

    def keep(joined_BT_D: Tensor) -> Tensor:
        seen.append(joined_BT_D)
        return joined_BT_D

    found_N_L_D = last_token_states(model, prompts, tokens=2, site="mlp")
    with edited_blocks(model, {0: keep}, "mlp"):
        for prompt in prompts:
            logits(model, torch.tensor([prompt]))
    expected_N_D = torch.stack([joined_BT_D[-2:].mean(dim=0) for joined_BT_D in seen])
    torch.testing.assert_close(found_N_L_D[:, 0], expected_N_D, rtol=1e-4, atol=1e-5)


def test_weights_ask_for_gradients_again_as_before() -> None:
    model, _ = tiny_model("llama")
    first, *others = model.parameters()
    first.requires_grad_(False)
    seen: list[bool] = []

    def work() -> None:
        with weights_frozen(model):
            seen.extend(weight.requires_grad for weight in model.parameters())
            raise RuntimeError

    with pytest.raises(RuntimeError):
        work()
    assert not any(seen)
    assert not first.requires_grad
    assert all(weight.requires_grad for weight in others)


def opened_tiny() -> OpenModel:
    model, tokenizer = tiny_model("llama")
    return OpenModel(name="tiny", model=model, tokenizer=tokenizer, stop_ids=frozenset({2}), digest="0" * 64)


def test_an_edited_view_decodes_under_the_edit_and_leaves_the_model_alone() -> None:
    """The last block gives a constant, so the greedy answer repeats one token, and the plain answer does not change."""
    opened = opened_tiny()
    sampling = Sampling(max_tokens=6, temperature=0)

    def answer(of: OpenModel) -> list[int]:
        (found,) = decode(of.model, [[5, 80, 81]], sampling, stop_ids=frozenset({2}))
        return found.tokens

    before = answer(opened)
    view = edited_model(opened, lambda model, _: edited_blocks(model, {-1: torch.ones_like}))
    assert len(set(answer(view))) == 1
    assert answer(opened) == before
    assert hooks_of(opened.model) == 0
    assert (view.tokenizer, view.digest) == (opened.tokenizer, opened.digest)


def test_a_view_sees_the_inputs_of_each_pass() -> None:
    """A prompt of three tokens is read in one pass, then each token in one."""
    widths = []

    @contextmanager
    def note(model: PreTrainedModel, inputs: dict[str, Tensor]) -> Iterator[None]:
        widths.append(inputs["input_ids"].shape[1])
        yield

    view = edited_model(opened_tiny(), note)  # type: ignore[arg-type]
    decode(view.model, [[5, 80, 81]], Sampling(max_tokens=4, temperature=0), stop_ids=frozenset())
    assert widths == [3, 1, 1, 1]

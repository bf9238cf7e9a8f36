"""ROME: its closed form against float64, and the search for a value on real architectures."""

import pytest
import torch
from torch import nn

from instincts.arithmetic.asking import ask_about
from instincts.arithmetic.facts import Fact
from instincts.arithmetic.keys import key_direction, second_moment, subject_keys
from instincts.arithmetic.projection import find_projection
from instincts.arithmetic.rome import FoundValue, RankOne, find_update, updated
from instincts.arithmetic.rome_settings import RomeSettings
from instincts.errors import ConfigError, ModelDirectoryError, TrainingError
from tests.tiny import FAMILIES, Family, tiny_model

QUESTION = "Where does the bell of Tarn hang?"
FACT = Fact(id="bell", question=QUESTION, subject="Tarn", span=(23, 27), target="up")


def test_the_span_of_the_fact_below_is_right() -> None:
    assert QUESTION[slice(*FACT.span)] == "Tarn"


def test_the_update_is_the_least_change_that_maps_the_key() -> None:
    """The paper's problem in float64: least |(W' - W) C^(1/2)| with W' k = v*, solved here as a constrained quadratic.

    Row by row it is min d C dᵀ under d k = g; its Karush-Kuhn-Tucker system [[2C, k], [kᵀ, 0]] is solved whole.
    """
    random = torch.Generator().manual_seed(0)
    keys_N_K = torch.randn(50, 7, generator=random, dtype=torch.float64)
    moment = keys_N_K.T @ keys_N_K / 50
    key, gap = (torch.randn(size, generator=random, dtype=torch.float64) for size in (7, 3))
    weight = torch.randn(3, 7, generator=random, dtype=torch.float64)

    row = key_direction(key, moment, ridge=0)
    found = FoundValue(weight @ key, gap, 1, 0.0)
    after = updated(weight, RankOne(gap / (key @ row), row, found))

    system = torch.zeros(8, 8, dtype=torch.float64)
    system[:7, :7], system[:7, 7], system[7, :7] = 2 * moment, key, key
    right = torch.zeros(8, 3, dtype=torch.float64)
    right[7] = gap
    expected = torch.linalg.solve(system, right)[:7].T
    torch.testing.assert_close(after - weight, expected, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(after @ key, weight @ key + gap, rtol=1e-12, atol=1e-12)


def test_a_half_precision_matrix_is_the_same_whichever_precision_the_model_is_open_in() -> None:
    """1 + (2^-8 + 2^-30) is above the middle of 1 and 1 + 2^-7; in float32 it is that middle, which rounds to 1."""
    weight, found = torch.ones(1, 1), FoundValue(torch.ones(1), torch.ones(1), 1, 0.0)
    change = RankOne(torch.tensor([2**-8 + 2**-30], dtype=torch.float64), torch.ones(1, dtype=torch.float64), found)

    after = [updated(weight.to(dtype), change).bfloat16().item() for dtype in (torch.float32, torch.bfloat16)]
    assert after == [1, 1]


def test_without_a_covariance_the_direction_is_the_key_itself() -> None:
    """Of the key (3, 4) it is (0.6, 0.8)."""
    direction = key_direction(torch.tensor([3.0, 4.0], dtype=torch.float64), None, ridge=0.5)

    assert direction.tolist() == pytest.approx([0.6, 0.8])


def test_a_covariance_of_too_few_tokens_is_made_regular() -> None:
    """C = diag(2, 0) has no inverse; a ridge of a half of its mean diagonal (1) gives diag(2.5, 0.5).

    The key (1, 1) becomes (0.4, 2), of length sqrt(4.16).
    """
    moment = torch.diag(torch.tensor([2.0, 0.0], dtype=torch.float64))
    direction = key_direction(torch.ones(2, dtype=torch.float64), moment, ridge=0.5)

    assert direction.tolist() == pytest.approx([0.4 / 4.16**0.5, 2 / 4.16**0.5])


@pytest.mark.parametrize(("tokens", "ridge"), [(32, 0), (1, 0), (0, 0.5)])
def test_a_covariance_without_an_inverse_is_told(tokens: int, ridge: float) -> None:
    """Of 64 numbers a key, fewer tokens span less; no token at all gives zeros, of which a share is zero."""
    random = torch.Generator().manual_seed(0)
    keys_N_K = torch.randn(tokens, 64, generator=random, dtype=torch.float64)
    key_K = torch.randn(64, generator=random, dtype=torch.float64)

    with pytest.raises(ConfigError, match="a larger ridge, more covariance_tokens, or a --text with longer rows"):
        key_direction(key_K, keys_N_K.T @ keys_N_K, ridge)


@pytest.mark.parametrize("family", ["llama", "opt"])
def test_the_second_moment_is_that_of_every_token_but_the_first(family: Family) -> None:
    """Against one text at a time and no padding; the third text has a single token and counts for nothing."""
    model, _ = tiny_model(family)
    module = find_projection(model, 1).module
    texts = [[5, 6, 7, 8], [9, 10], [11], [12, 13, 14]]

    moment, count = second_moment(model, module, texts, 100)

    keys: list[torch.Tensor] = []

    def keep(_: nn.Module, given: tuple[torch.Tensor, ...]) -> None:
        keys.append(given[0].reshape(-1, 64)[1:].detach().double())

    handle = module.register_forward_pre_hook(keep)
    for text in texts:
        model(input_ids=torch.tensor([text]))
    handle.remove()
    every = torch.cat(keys)
    assert count == len(every) == 6
    torch.testing.assert_close(moment, every.T @ every / 6, rtol=1e-4, atol=1e-5)


def test_no_more_tokens_are_read_than_asked_for() -> None:
    model, _ = tiny_model("llama")

    assert second_moment(model, find_projection(model, 0).module, [[5, 6, 7, 8]] * 9, 10)[1] == 10


@pytest.mark.parametrize("family", [*FAMILIES, "opt"])
def test_the_edited_key_gives_the_value_that_was_found(family: Family) -> None:
    """On every architecture: the difference has rank one, W' k = v_0 + δ within rounding, the answer likelier."""
    # Its window is shorter than the way from the subject to the answer.
    model, tokenizer = tiny_model(family, **({"sliding_window": 256} if family == "mistral" else {}))
    projection = find_projection(model, 0)
    before = projection.weight_D_K.detach().clone()
    settings = RomeSettings(steps=8, rate=0.2)

    change = find_update(model, tokenizer, projection.module, FACT, ["It is so"], None, settings)
    assert torch.equal(projection.weight_D_K, before)
    after = updated(before, change)

    assert torch.linalg.matrix_rank((after - before).double(), rtol=1e-4) == 1
    key_K = subject_keys(model, projection.module, [ask_about(tokenizer, FACT, "subject")])[0]
    value_D = change.found.before_D + change.found.change_D
    bias_D = 0 if projection.module.bias is None else projection.module.bias.detach().double()
    torch.testing.assert_close(after.double() @ key_K + bias_D, value_D, rtol=1e-4, atol=1e-4)
    assert change.found.change_D.norm() <= settings.clamp * change.found.before_D.norm() * (1 + 1e-6)
    first = find_update(model, tokenizer, projection.module, FACT, ["It is so"], None, RomeSettings(steps=1))
    assert change.found.loss < first.found.loss
    assert not first.found.change_D.any()


def test_the_search_leaves_the_model_as_it_was() -> None:
    model, tokenizer = tiny_model("llama")
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    module = find_projection(model, 0).module

    find_update(model, tokenizer, module, FACT, [], None, RomeSettings(steps=3))

    assert all(torch.equal(tensor, state[name]) for name, tensor in model.state_dict().items())
    assert all(weight.requires_grad and weight.grad is None for weight in model.parameters())
    assert not module._forward_hooks
    assert not module._forward_pre_hooks


def test_a_tight_clamp_holds() -> None:
    model, tokenizer = tiny_model("llama")
    module = find_projection(model, 0).module

    found = find_update(model, tokenizer, module, FACT, [], None, RomeSettings(steps=4, rate=5, clamp=0.25)).found

    assert found.change_D.norm().item() == pytest.approx(0.25 * found.before_D.norm().item(), rel=1e-5)


def test_a_loss_that_is_not_a_number_names_the_fact() -> None:
    model, tokenizer = tiny_model("llama")
    module = find_projection(model, 0).module
    with torch.no_grad():
        module.weight[0, 0] = torch.nan

    with pytest.raises(TrainingError, match="fact bell: the loss is not finite at look 1"):
        find_update(model, tokenizer, module, FACT, [], None, RomeSettings())


@pytest.mark.parametrize("family", FAMILIES)
def test_the_projection_is_found_by_its_shape(family: Family) -> None:
    model, _ = tiny_model(family)

    found = find_projection(model, 1)

    assert found.name == "mlp.down_proj.weight"
    assert tuple(found.weight_D_K.shape) == (32, 64)


@pytest.mark.parametrize(("layers", "layer"), [(2, 0), (4, 1), (32, 5), (48, 8)])
def test_the_usual_layer_is_as_deep_as_layer_5_of_32(layers: int, layer: int) -> None:
    """5 / 32 of 2, 4, 32 and 48 layers: 0.31, 0.63, 5 and 7.5, which rounds to the even 8."""
    model, _ = tiny_model("llama", num_hidden_layers=layers)

    assert find_projection(model).layer == layer


def test_a_layer_outside_the_model_is_refused() -> None:
    with pytest.raises(ConfigError, match="layer 2 of a 2-layer model; layers run 0 to 1"):
        find_projection(tiny_model("llama")[0], 2)


def test_a_mixture_of_experts_has_nothing_to_edit() -> None:
    from transformers import Qwen3MoeConfig, Qwen3MoeForCausalLM

    config = Qwen3MoeConfig(
        vocab_size=16, hidden_size=8, intermediate_size=8, moe_intermediate_size=8, num_hidden_layers=1,
        num_attention_heads=2, num_key_value_heads=1, num_experts=2, num_experts_per_tok=1,
    )  # fmt: skip

    with pytest.raises(ModelDirectoryError, match="does not end in one linear map"):
        find_projection(Qwen3MoeForCausalLM(config), 0)


def test_an_mlp_as_wide_as_the_model_ends_in_its_last_map() -> None:
    model, _ = tiny_model("llama", intermediate_size=32)

    assert find_projection(model, 0).name == "mlp.down_proj.weight"
    assert isinstance(find_projection(model, 0).module, nn.Linear)

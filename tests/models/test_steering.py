import copy
import pickle
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from peft import LoraConfig, get_peft_model
from transformers import PreTrainedModel

from instincts.errors import ConfigError, ModelDirectoryError
from instincts.models.decoding import Sampling, decode
from instincts.models.hooks import Site, decoder_layers, sites
from instincts.models.steering import is_steered, shifted, steer, steered
from instincts.models.vectors import Rule, VectorSet
from tests.tiny import FAMILIES, Family, tiny_model

PAPER = Rule()
REFERENCE = Rule(site="mlp", relative=True, gated=True, factor=0.1)
RULES = pytest.mark.parametrize("rule", [PAPER, REFERENCE], ids=["paper", "reference"])
EVERY_FAMILY = pytest.mark.parametrize("family", FAMILIES)

PROMPTS = [[7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18], [30, 31], [40, 41, 42, 43, 44]]


def vectors_for(model: torch.nn.Module, rule: Rule, seed: int = 0) -> VectorSet:
    """One random direction a layer: of length 1 where steps are shares of the activation, else about as long as it."""
    torch.manual_seed(seed)
    layers = len(decoder_layers(model))
    directions = {layer: torch.randn(32) for layer in range(layers)}
    if rule.relative:
        directions = {layer: direction / direction.norm() for layer, direction in directions.items()}
    return VectorSet(directions=directions, rule=rule, layer_count=layers)


def strong(rule: Rule) -> float:
    """A strength that changes answers: both rules then step about as far as the activation is long."""
    return 1.0 if not rule.relative else 5.0


def logits(model: torch.nn.Module, prompt: Sequence[int] = PROMPTS[0], **inputs: Any) -> torch.Tensor:
    with torch.no_grad():
        result: torch.Tensor = model(input_ids=torch.tensor([list(prompt)]), **inputs).logits
    return result


def greedy(model: PreTrainedModel, prompts: list[list[int]], tokens: int = 16) -> list[list[int]]:
    answers = decode(model, prompts, Sampling(max_tokens=tokens, temperature=0), stop_ids=frozenset())
    return [answer.tokens for answer in answers]


def recomputed(model: PreTrainedModel, prompt: list[int], answer: list[int]) -> torch.Tensor:
    """Log-probability of each token of an answer, read at once and without a cache."""
    log_prob_T_V = logits(model, [*prompt, *answer], use_cache=False)[0, len(prompt) - 1 : -1].log_softmax(dim=-1)
    return log_prob_T_V.gather(1, torch.tensor(answer)[:, None])[:, 0]


@EVERY_FAMILY
@RULES
def test_strength_zero_changes_no_bit(family: Family, rule: Rule) -> None:
    model, _ = tiny_model(family)
    plain = logits(model)
    with steered(model, vectors_for(model, rule), 0.0):
        assert torch.equal(logits(model), plain)


@EVERY_FAMILY
@RULES
def test_steering_changes_answers_and_stays_on_while_decoding(family: Family, rule: Rule) -> None:
    """Cached decoding gives what reading all at once gives, so every decoded token was steered; the windows slide."""
    model, _ = tiny_model(family)
    sampling = Sampling(max_tokens=16)
    with steered(model, vectors_for(model, rule), strong(rule)):
        answer = decode(model, PROMPTS[:1], sampling, stop_ids=frozenset())[0]
        torch.testing.assert_close(answer.log_prob_T, recomputed(model, PROMPTS[0], answer.tokens), atol=1e-4, rtol=0)
    assert not torch.allclose(answer.log_prob_T, recomputed(model, PROMPTS[0], answer.tokens), atol=1e-2)


@EVERY_FAMILY
@RULES
def test_a_row_is_steered_alike_alone_and_in_a_padded_batch(family: Family, rule: Rule) -> None:
    model, _ = tiny_model(family)
    with steered(model, vectors_for(model, rule), strong(rule)):
        assert greedy(model, PROMPTS) == [greedy(model, [prompt])[0] for prompt in PROMPTS]


@RULES
def test_the_hooks_count_every_forward_pass_of_generate(rule: Rule) -> None:
    """One pass for the prompt and one for each further token: 5 in all for 5 tokens."""
    model, _ = tiny_model("llama")
    with steered(model, vectors_for(model, rule), strong(rule)) as steering:
        model.generate(torch.tensor([PROMPTS[0]]), max_new_tokens=5, min_new_tokens=5, do_sample=False)  # type: ignore[operator]
        assert steering.calls == {0: 5, 1: 5}


@EVERY_FAMILY
@RULES
def test_the_model_is_as_it_was_after_the_context(family: Family, rule: Rule) -> None:
    model, _ = tiny_model(family)
    plain = logits(model)
    with steered(model, vectors_for(model, rule), strong(rule)):
        assert not torch.equal(logits(model), plain)
    assert torch.equal(logits(model), plain)
    assert not is_steered(model)


def test_the_model_is_as_it_was_after_an_error() -> None:
    model, _ = tiny_model("llama")
    plain = logits(model)
    with pytest.raises(ZeroDivisionError), steered(model, vectors_for(model, PAPER), 1.0):
        raise ZeroDivisionError
    with pytest.raises(IndexError), steered(model, vectors_for(model, PAPER), 1.0):
        logits(model, [10_000])
    assert torch.equal(logits(model), plain)


@RULES
def test_gradients_are_the_same_with_and_without_checkpointing(rule: Rule) -> None:
    found = []
    for checkpointing in (False, True):
        model, _ = tiny_model("llama")
        model.train()
        if checkpointing:
            model.gradient_checkpointing_enable({"use_reentrant": False})  # type: ignore[no-untyped-call]
        steer(model, vectors_for(model, rule), strong(rule))
        ids = torch.tensor([PROMPTS[0]])
        model(input_ids=ids, labels=ids, use_cache=False).loss.backward()
        found.append(torch.cat([weight.grad.flatten() for weight in model.parameters() if weight.grad is not None]))
    assert torch.equal(found[0], found[1])
    assert found[0].isfinite().all()


def test_steering_reaches_through_an_adapter() -> None:
    """An adapter that has learnt nothing yet changes nothing, and so steering gives the same with it."""
    model, _ = tiny_model("llama")
    vectors = vectors_for(model, REFERENCE)
    with steered(model, vectors, 5.0):
        expected = logits(model)
    layered = get_peft_model(model, LoraConfig(r=2, target_modules=["q_proj", "up_proj"]))
    with steered(layered, vectors, 5.0):
        assert torch.equal(logits(layered), expected)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_a_copy_of_a_steered_model_is_steered(copied: Any) -> None:
    model, _ = tiny_model("llama")
    steer(model, vectors_for(model, PAPER), 1.0)
    assert torch.equal(logits(copied(model)), logits(model))


@RULES
def test_twice_the_vector_is_twice_the_strength(rule: Rule) -> None:
    """Powers of two, so to the last bit."""
    model, _ = tiny_model("llama")
    vectors = vectors_for(model, rule)
    with steered(model, vectors, 2.0):
        expected = logits(model)
    with steered(model, 2 * vectors, 1.0):
        assert torch.equal(logits(model), expected)


def test_only_the_layers_that_have_a_direction_are_steered() -> None:
    model, _ = tiny_model("llama")
    with steered(model, vectors_for(model, PAPER).at([1]), 1.0) as steering:
        states = model(input_ids=torch.tensor([PROMPTS[0]]), output_hidden_states=True).hidden_states
        plain_first = states[1]
        assert steering.calls == {1: 1}
    assert torch.equal(
        plain_first, model(input_ids=torch.tensor([PROMPTS[0]]), output_hidden_states=True).hidden_states[1]
    )


def test_a_model_is_not_steered_twice() -> None:
    model, _ = tiny_model("llama")
    vectors = vectors_for(model, PAPER)
    with steered(model, vectors, 1.0), pytest.raises(ConfigError, match="steered already"):
        steer(model, vectors, 1.0)


def test_a_negative_strength_is_refused_and_leaves_no_hook() -> None:
    model, _ = tiny_model("llama")
    with pytest.raises(ConfigError, match="would steer towards harm and is refused"):
        steer(model, vectors_for(model, PAPER), -0.5)
    assert not is_steered(model)


def test_a_vector_of_another_model_is_refused() -> None:
    model, _ = tiny_model("llama")
    other = replace(vectors_for(model, PAPER), layer_count=3)
    with pytest.raises(ModelDirectoryError, match="3 layers of width 32 does not fit a model with 2 of width 32"):
        steer(model, other, 1.0)


@pytest.mark.parametrize("site", ["block", "mlp"])
@EVERY_FAMILY
def test_the_site_is_found_by_structure(family: Family, site: Site) -> None:
    """The feed-forward part is what every one of these families happens to call `mlp`."""
    model, _ = tiny_model(family)
    layers = decoder_layers(model)
    assert sites(model, site) == (layers if site == "block" else [layer.mlp for layer in layers])


def numpy_paper(x: NDArray[np.float64], c: NDArray[np.float64], strength: float) -> NDArray[np.float64]:
    """Section 3.3 of the paper, one vector: y = x + a c; x' = y |x| / |y|."""
    y = x + strength * c
    result: NDArray[np.float64] = y * np.linalg.norm(x) / np.linalg.norm(y)
    return result


def numpy_reference(x: NDArray[np.float64], v: NDArray[np.float64], strength: float) -> NDArray[np.float64]:
    """The released code, one vector and its own sign: v points towards harm and is subtracted."""
    v = v / np.linalg.norm(v)
    u = x / np.linalg.norm(x)
    gate = 1 + max(0.0, float(u @ v))
    s = 0.1 * strength * gate * v
    result: NDArray[np.float64] = np.linalg.norm(x) * (u - s) / np.linalg.norm(u - s)
    return result


@pytest.mark.parametrize("strength", [0.0, 0.12, 1.0, 7.0])
@pytest.mark.parametrize("shape", [(1, 1, 5), (2, 7, 33), (3, 1, 128)])
def test_both_variants_equal_their_float64_references(shape: tuple[int, ...], strength: float) -> None:
    rng = np.random.default_rng(0)
    hidden, direction = rng.standard_normal(shape), rng.standard_normal(shape[-1])
    unit = direction / np.linalg.norm(direction)
    paper = shifted(torch.from_numpy(hidden).float(), torch.from_numpy(direction).float(), PAPER, strength)
    reference = shifted(torch.from_numpy(hidden).float(), torch.from_numpy(unit).float(), REFERENCE, strength)
    for place in np.ndindex(shape[:-1]):
        np.testing.assert_allclose(paper[place], numpy_paper(hidden[place], direction, strength), rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(
            reference[place], numpy_reference(hidden[place], -direction, strength), rtol=1e-5, atol=1e-5
        )


def test_the_reference_variant_turns_no_activation_by_more_than_0_9_degrees() -> None:
    """At alpha 0.12 the step is s = 0.012 (1 + q), q = cos(x, v), and the turn atan2(s sqrt(1 - q^2), 1 - s q).

    For small s that is 0.012 (1 + q) sqrt(1 - q^2), largest where 1 - q - 2 q^2 = 0, at q = 1/2: 0.012 * 1.299 rad
    = 0.893 degrees. The whole formula has its largest turn a little further out, 0.90 degrees at q = 0.51.
    """
    q = torch.linspace(-1, 1, 2001, dtype=torch.float64)
    s = 0.012 * (1 + q.clamp_min(0))
    expected = torch.rad2deg(torch.atan2(s * (1 - q**2).sqrt(), 1 - s * q))
    # x turns in a plane: q = cos(x, v) with v the first axis, and the stored direction is -v.
    x = torch.stack([q, (1 - q**2).sqrt()], dim=-1).float() * 3
    turned = shifted(x, torch.tensor([-1.0, 0.0]), REFERENCE, 0.12).double()
    x = x.double()
    cross = (x[:, 0] * turned[:, 1] - x[:, 1] * turned[:, 0]).abs()
    degrees = torch.rad2deg(torch.atan2(cross, (x * turned).sum(dim=-1)))
    torch.testing.assert_close(degrees, expected, atol=1e-4, rtol=0)
    assert float(degrees.max()) == pytest.approx(0.90, abs=0.005)
    assert float(q[degrees.argmax()]) == pytest.approx(0.51, abs=0.02)


@RULES
@pytest.mark.parametrize(("dtype", "close"), [(torch.float32, 1e-5), (torch.bfloat16, 1e-2), (torch.float16, 1e-3)])
def test_the_norm_and_the_type_of_activations_are_kept(rule: Rule, dtype: torch.dtype, close: float) -> None:
    torch.manual_seed(0)
    hidden, direction = torch.randn(2, 3, 33).to(dtype), torch.randn(33)
    moved = shifted(hidden, direction, rule, 3.0)
    assert moved.dtype == dtype
    assert not torch.equal(moved, hidden)
    torch.testing.assert_close(moved.float().norm(dim=-1), hidden.float().norm(dim=-1), rtol=close, atol=0)


@RULES
def test_strength_zero_gives_back_the_very_numbers(rule: Rule) -> None:
    """Not by skipping: the formula itself multiplies by 1."""
    hidden = torch.randn(2, 3, 33).to(torch.bfloat16)
    assert torch.equal(shifted(hidden, torch.randn(33), rule, 0.0), hidden)


@RULES
def test_an_activation_of_length_zero_stays_and_has_a_finite_gradient(rule: Rule) -> None:
    hidden = torch.zeros(1, 1, 4, requires_grad=True)
    moved = shifted(hidden, torch.ones(4), rule, 0.12)
    assert not moved.any()
    moved.sum().backward()  # type: ignore[no-untyped-call]
    assert hidden.grad is not None
    assert hidden.grad.isfinite().all()


def test_without_keeping_the_norm_the_step_is_added() -> None:
    """(3, 4) + 2 * (1, 0) = (5, 4)."""
    moved = shifted(torch.tensor([[[3.0, 4.0]]]), torch.tensor([1.0, 0.0]), Rule(keeps_norm=False), 2.0)
    assert moved.tolist() == [[[5.0, 4.0]]]

"""Token signals against numbers worked out by hand, the float64 reference, and laws."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from instincts.signals import reference
from instincts.signals.entropy import (
    entropy_and_log_prob,
    fused_entropy_and_log_prob,
    self_certainty,
    token_entropy,
    token_log_prob,
)

REAL_VOCABULARIES = [151_936, 152_064, 128_256]  # Qwen2.5 up to 3B, Qwen2.5 from 7B, Llama 3
SHAPES = {"uniform": 0.0, "flat": 0.5, "middling": 4.0, "peaked": 40.0}


def draw_logits(rows: int, vocabulary: int, spread: float, seed: int = 0) -> Tensor:
    return spread * torch.randn(rows, vocabulary, generator=torch.Generator().manual_seed(seed))


def draw_head(rows: int, vocabulary: int, width: int, spread: float, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    random = torch.Generator().manual_seed(seed)
    hidden_N_D = spread * torch.randn(rows, width, generator=random) / math.sqrt(width)
    head_V_D = torch.randn(vocabulary, width, generator=random)
    return hidden_N_D, head_V_D, torch.randint(vocabulary, (rows,), generator=random)


def test_entropy_and_log_prob_of_two_words() -> None:
    """Logits (0, 0): ln 2 = 0.6931. Logits (ln 3, 0): p = (3/4, 1/4), ln 4 - (3/4) ln 3 = 0.5623; ln(1/4) = -1.3863."""
    logits = torch.tensor([[0.0, 0.0], [math.log(3), 0.0]])

    entropy, log_prob = entropy_and_log_prob(logits, torch.tensor([0, 1]))

    assert entropy.tolist() == pytest.approx([math.log(2), math.log(4) - 0.75 * math.log(3)])
    assert log_prob.tolist() == pytest.approx([-math.log(2), -math.log(4)])


def test_self_certainty_of_two_words() -> None:
    """Uniform: 0. p = (3/4, 1/4): KL(U||p) = (1/2) ln((1/2)/(3/4)) + (1/2) ln((1/2)/(1/4)) = (1/2) ln(4/3) = 0.1438."""
    certainty = self_certainty(torch.tensor([[0.0, 0.0], [math.log(3), 0.0]]))

    assert certainty.tolist() == pytest.approx([0.0, 0.5 * math.log(4 / 3)], abs=1e-7)


@pytest.mark.parametrize("spread", SHAPES.values(), ids=SHAPES.keys())
@pytest.mark.parametrize("vocabulary", [*REAL_VOCABULARIES, 2, 507])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["float32", "bfloat16"])
def test_agrees_with_the_float64_reference(dtype: torch.dtype, vocabulary: int, spread: float) -> None:
    """The reference sees the same rounded logits, so even bf16 logits leave only float32 sums: 1e-5."""
    logits = draw_logits(3, vocabulary, spread).to(dtype)
    tokens = logits.float().argsort(dim=-1)[:, [0, vocabulary // 2, -1]].diagonal()

    entropy, log_prob = entropy_and_log_prob(logits, tokens, temperature=0.7)

    exact = logits.double().numpy()
    np.testing.assert_allclose(entropy, reference.token_entropy(exact, 0.7), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(log_prob, reference.token_log_prob(exact, tokens.numpy(), 0.7), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(
        self_certainty(logits, temperature=0.7), reference.self_certainty(exact, 0.7), rtol=1e-5, atol=1e-5
    )


def test_single_signals_equal_the_pair() -> None:
    logits, tokens = draw_logits(4, 11, 2.0), torch.tensor([0, 3, 7, 10])

    pair = entropy_and_log_prob(logits, tokens, temperature=1.3)

    assert torch.equal(pair.entropy, token_entropy(logits, temperature=1.3))
    assert torch.equal(pair.log_prob, token_log_prob(logits, tokens, temperature=1.3))


def test_permuting_the_vocabulary_changes_nothing() -> None:
    logits = draw_logits(3, 101, 3.0)
    order = torch.randperm(101, generator=torch.Generator().manual_seed(1))

    torch.testing.assert_close(token_entropy(logits[:, order]), token_entropy(logits))


def test_shifting_all_logits_changes_nothing() -> None:
    logits, tokens = draw_logits(3, 101, 3.0), torch.tensor([1, 2, 3])

    shifted, plain = entropy_and_log_prob(logits + 64.0, tokens), entropy_and_log_prob(logits, tokens)

    torch.testing.assert_close(shifted, plain, rtol=1e-5, atol=1e-5)


def test_temperature_divides_the_logits() -> None:
    logits, tokens = draw_logits(3, 101, 3.0), torch.tensor([1, 2, 3])

    torch.testing.assert_close(entropy_and_log_prob(logits, tokens, 0.5), entropy_and_log_prob(2 * logits, tokens))


def test_heating_raises_entropy_towards_ln_v() -> None:
    logits = draw_logits(1, 101, 3.0)

    entropies = [float(token_entropy(logits, temperature=t)) for t in (0.1, 0.5, 1.0, 3.0, 1e6)]

    assert entropies == sorted(entropies)
    assert entropies[-1] == pytest.approx(math.log(101), abs=1e-4)


def test_a_word_that_cannot_be_drawn_adds_nothing() -> None:
    """Logits (0, 0, -inf) are two equal words: ln 2; the third has probability 0 and surprisal infinity."""
    entropy, log_prob = entropy_and_log_prob(torch.tensor([[0.0, 0.0, -math.inf]]), torch.tensor([2]))

    assert entropy.item() == pytest.approx(math.log(2))
    assert log_prob.item() == -math.inf


def test_nan_logits_where_a_token_counts_stay_visible() -> None:
    assert token_entropy(torch.tensor([[0.0, math.nan]])).isnan().all()


def test_uncounted_places_are_zero_and_pass_no_gradient() -> None:
    """Row 0 holds a filtered logit and counts; rows 1 and 2 are padding of NaN and -inf with token -100."""
    logits = draw_logits(3, 5, 1.0).double()
    logits[0, 4], logits[1], logits[2] = -math.inf, math.nan, -math.inf
    logits.requires_grad_()
    counted = torch.tensor([True, False, False])

    entropy, log_prob = entropy_and_log_prob(logits, torch.tensor([1, -100, -100]), counted=counted)
    (entropy.sum() + log_prob.sum()).backward()  # type: ignore[no-untyped-call]

    assert entropy[1:].tolist() == log_prob[1:].tolist() == [0.0, 0.0]
    assert logits.grad is not None
    assert logits.grad[1:].abs().sum() == 0
    assert logits.grad[0].isfinite().all()
    assert logits.grad[0, 4] == 0


def test_counted_places_do_not_depend_on_the_mask() -> None:
    logits, tokens = draw_logits(2, 7, 2.0), torch.tensor([1, 2])
    counted = torch.tensor([True, False])

    masked, plain = entropy_and_log_prob(logits, tokens, counted=counted), entropy_and_log_prob(logits, tokens)

    assert masked.entropy[0] == plain.entropy[0]
    assert masked.log_prob[0] == plain.log_prob[0]
    assert self_certainty(logits, counted=counted)[1] == 0


def test_gradients_equal_finite_differences() -> None:
    logits = draw_logits(3, 6, 2.0).double().requires_grad_()
    tokens = torch.tensor([0, 2, 5])

    assert torch.autograd.gradcheck(lambda z: tuple(entropy_and_log_prob(z, tokens, 0.7)), logits)
    assert torch.autograd.gradcheck(lambda z: self_certainty(z, temperature=0.7), logits)


def test_gradient_beside_a_filtered_word_equals_the_gradient_without_it() -> None:
    """A word at -inf is as good as absent, so the other words' gradient is that of the shorter vocabulary."""
    short = draw_logits(2, 4, 1.0).double().requires_grad_()
    long = torch.cat([short.detach(), torch.full((2, 1), -math.inf)], dim=1).requires_grad_()

    token_entropy(short).sum().backward()  # type: ignore[no-untyped-call]
    token_entropy(long).sum().backward()  # type: ignore[no-untyped-call]

    assert short.grad is not None
    assert long.grad is not None
    torch.testing.assert_close(long.grad[:, :4], short.grad)
    assert long.grad[:, 4].tolist() == [0.0, 0.0]


@pytest.mark.parametrize("spread", SHAPES.values(), ids=SHAPES.keys())
@pytest.mark.parametrize("vocabulary", REAL_VOCABULARIES)
def test_fused_agrees_with_the_float64_reference(vocabulary: int, spread: float) -> None:
    hidden, head, tokens = draw_head(3, vocabulary, 8, spread)

    entropy, log_prob = fused_entropy_and_log_prob(hidden, head, tokens, 1.5)

    exact = hidden.double().numpy() @ head.double().numpy().T
    np.testing.assert_allclose(entropy, reference.token_entropy(exact, 1.5), rtol=1e-5, atol=3e-5)
    np.testing.assert_allclose(log_prob, reference.token_log_prob(exact, tokens.numpy(), 1.5), rtol=1e-5, atol=3e-5)


@pytest.mark.parametrize("vocabulary", REAL_VOCABULARIES)
def test_fused_with_bfloat16_is_off_by_the_rounding_of_its_logits_alone(vocabulary: int) -> None:
    """Logits near 16 are 0.06 to 0.12 apart in bf16; made in float32 from the same weights, only sums err."""
    hidden, head, tokens = draw_head(4, vocabulary, 64, 4.0)
    hidden, head = hidden.bfloat16(), head.bfloat16()
    exact = hidden.double().numpy() @ head.double().numpy().T

    rounded = fused_entropy_and_log_prob(hidden, head, tokens)
    unrounded = fused_entropy_and_log_prob(hidden, head, tokens, logits_dtype=torch.float32)

    np.testing.assert_allclose(rounded.entropy, reference.token_entropy(exact), atol=5e-2)
    np.testing.assert_allclose(unrounded.entropy, reference.token_entropy(exact), rtol=1e-5, atol=3e-5)
    np.testing.assert_allclose(
        unrounded.log_prob, reference.token_log_prob(exact, tokens.numpy()), rtol=1e-5, atol=3e-5
    )


def test_fused_equals_dense_across_tile_borders() -> None:
    """A vocabulary of one tile and one word, with the token on either side of the border, and a bias."""
    hidden, head, _ = draw_head(2, 32_769, 8, 3.0)
    bias = torch.linspace(-1, 1, 32_769)
    tokens = torch.tensor([32_767, 32_768])

    fused = fused_entropy_and_log_prob(hidden, head, tokens, bias=bias)

    torch.testing.assert_close(fused, entropy_and_log_prob(hidden @ head.T + bias, tokens), rtol=1e-5, atol=1e-5)


def test_fused_takes_a_bias_that_forbids_words() -> None:
    """TRL's kernel gives NaN here; the whole first tile forbidden is its worst case."""
    hidden, head, _ = draw_head(2, 32_800, 8, 1.0)
    bias = torch.full((32_800,), -math.inf)
    bias[32_768:] = 0.0
    tokens = torch.tensor([32_770, 32_799])

    fused = fused_entropy_and_log_prob(hidden, head, tokens, bias=bias)

    short = entropy_and_log_prob(hidden @ head[32_768:].T, tokens - 32_768)
    torch.testing.assert_close(fused, short, rtol=1e-5, atol=1e-5)


def test_fused_float64_gradients_equal_finite_differences() -> None:
    hidden, head, tokens = draw_head(3, 7, 4, 2.0)
    inputs = (hidden.double().requires_grad_(), head.double().requires_grad_())

    assert torch.autograd.gradcheck(lambda h, w: tuple(fused_entropy_and_log_prob(h, w, tokens, 0.7)), inputs)


def test_fused_float32_gradients_equal_the_float64_ones() -> None:
    hidden, head, tokens = draw_head(5, 507, 16, 3.0)
    gradients = {}
    for dtype in (torch.float32, torch.float64):
        h, w = hidden.to(dtype).requires_grad_(), head.to(dtype).requires_grad_()
        entropy, log_prob = fused_entropy_and_log_prob(h, w, tokens, 0.7)
        gradients[dtype] = torch.autograd.grad(entropy.sum() + 2 * log_prob.sum(), (h, w))

    for fast, exact in zip(gradients[torch.float32], gradients[torch.float64], strict=True):
        torch.testing.assert_close(fast.double(), exact, rtol=1e-4, atol=1e-5)


def test_fused_rows_chosen_first_keep_nan_out_of_the_gradient() -> None:
    hidden, head, tokens = draw_head(3, 50, 8, 2.0)
    hidden[1] = math.nan
    hidden.requires_grad_()
    head.requires_grad_()
    counted = torch.tensor([True, False, True])

    entropy, log_prob = fused_entropy_and_log_prob(hidden[counted], head, tokens[counted])
    (entropy.sum() + log_prob.sum()).backward()  # type: ignore[no-untyped-call]

    assert hidden.grad is not None
    assert head.grad is not None
    assert hidden.grad[1].abs().sum() == 0
    assert head.grad.isfinite().all()


@pytest.mark.parametrize("token", [-100, 50])
def test_fused_refuses_tokens_outside_the_vocabulary(token: int) -> None:
    hidden, head, _ = draw_head(1, 50, 8, 1.0)

    with pytest.raises(ValueError, match="the head knows 0 to 49"):
        fused_entropy_and_log_prob(hidden, head, torch.tensor([token]))


def test_fused_of_no_tokens_is_empty() -> None:
    hidden, head, _ = draw_head(1, 50, 8, 1.0)

    entropy, log_prob = fused_entropy_and_log_prob(hidden[:0], head, torch.zeros(0, dtype=torch.long))

    assert entropy.shape == log_prob.shape == (0,)

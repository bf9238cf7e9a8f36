"""The probe is the optimum that other solvers find, and its perturbation is the closed form of the paper."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from instincts.attacks.local.probe import Probe, fit_probe

GENERATOR = torch.Generator().manual_seed(0)


def cloud(n: int, d: int, shift: float = 1.0) -> tuple[Tensor, Tensor]:
    """States of two kinds whose means differ along the first axis."""
    generator = torch.Generator().manual_seed(n + d)
    positive_N = torch.arange(n) % 2 == 0
    hidden_N_D = torch.randn(n, d, generator=generator)
    hidden_N_D[:, 0] += shift * positive_N
    return hidden_N_D, positive_N


def penalised_loss(hidden_N_D: Tensor, positive_N: Tensor, weight_D: Tensor, bias: float, penalty: float) -> float:
    """Straight from the docstring, in float64."""
    x = hidden_N_D.double()
    scale = (x - x.mean(dim=0)).square().sum(dim=1).mean().sqrt()
    loss = torch.nn.functional.binary_cross_entropy_with_logits(x @ weight_D.double() + bias, positive_N.double())
    return float(loss + penalty / 2 * (weight_D.double() * scale).square().sum())


@pytest.mark.parametrize(("n", "d"), [(60, 5), (12, 40)], ids=["more states", "more dimensions"])
@pytest.mark.parametrize("penalty", [1e-3, 0.1])
def test_no_change_of_the_weights_lowers_the_penalised_loss(n: int, d: int, penalty: float) -> None:
    """The loss is convex, so a point that no small step in any direction improves is the optimum."""
    hidden_N_D, positive_N = cloud(n, d)
    probe = fit_probe(hidden_N_D, positive_N, penalty=penalty)
    best = penalised_loss(hidden_N_D, positive_N, probe.weight_D, probe.bias, penalty)
    generator = torch.Generator().manual_seed(1)
    for _ in range(50):
        step_D = 1e-2 * torch.randn(d, generator=generator)
        nudge = 1e-2 * float(torch.randn((), generator=generator))
        other = penalised_loss(hidden_N_D, positive_N, probe.weight_D + step_D, probe.bias + nudge, penalty)
        assert other > best - 1e-7


def test_the_fit_is_that_of_statsmodels() -> None:
    """Ridge logistic regression of statsmodels, on the same centred and scaled states, the intercept unpenalised."""
    import statsmodels.api as sm

    hidden_N_D, positive_N = cloud(80, 4)
    probe = fit_probe(hidden_N_D, positive_N, penalty=0.05)
    x = hidden_N_D.double().numpy()
    scale = np.sqrt(((x - x.mean(axis=0)) ** 2).sum(axis=1).mean())
    design = np.column_stack([(x - x.mean(axis=0)) / scale, np.ones(len(x))])
    model = sm.GLM(positive_N.numpy().astype(float), design, family=sm.families.Binomial())
    fitted = model.fit_regularized(alpha=np.array([0.05] * 4 + [0.0]), L1_wt=0.0, cnvrg_tol=1e-12, maxiter=5000)
    expected = fitted.params[:4] / scale
    assert probe.weight_D.numpy() == pytest.approx(expected, abs=1e-3)
    assert probe.bias == pytest.approx(fitted.params[4] - expected @ x.mean(axis=0), abs=1e-3)


def test_separable_states_get_finite_weights_and_are_separated() -> None:
    hidden_N_D, positive_N = cloud(40, 30, shift=20.0)
    probe = fit_probe(hidden_N_D, positive_N)
    assert torch.isfinite(probe.weight_D).all()
    assert probe.accuracy(hidden_N_D, positive_N) == 1.0


def test_one_kind_alone_and_no_penalty_are_refused() -> None:
    hidden_N_D, positive_N = cloud(10, 3)
    with pytest.raises(ValueError, match="both kinds"):
        fit_probe(hidden_N_D, torch.ones(10, dtype=torch.bool))
    with pytest.raises(ValueError, match="penalty above 0, not 0"):
        fit_probe(hidden_N_D, positive_N, penalty=0)


PROBE = Probe(weight_D=torch.tensor([3.0, 4.0]), bias=-2.0)


def test_the_smallest_change_reaches_the_wanted_probability() -> None:
    """With w = (3, 4), b = -2, e = (2, 1): w.e + b = 8. For p0 = 1/2, logit 0: e - (8 / 25) w = (1.04, -0.28)."""
    moved = PROBE.lowered(torch.tensor([2.0, 1.0]), 0.5)
    assert moved.tolist() == pytest.approx([1.04, -0.28])
    assert float(PROBE.log_odds(moved)) == pytest.approx(0.0, abs=1e-5)


@pytest.mark.parametrize("probability", [1e-4, 0.01, 0.5, 0.9])
def test_states_above_are_brought_exactly_there_and_the_others_stay(probability: float) -> None:
    hidden_B_T_D = 3 * torch.randn(4, 5, 2, generator=GENERATOR)
    moved = PROBE.lowered(hidden_B_T_D, probability)
    wanted = math.log(probability / (1 - probability))
    above = PROBE.log_odds(hidden_B_T_D) > wanted
    assert torch.equal(moved[~above], hidden_B_T_D[~above])
    assert torch.allclose(PROBE.log_odds(moved)[above], torch.tensor(wanted), atol=1e-4)
    # Along w only, so nothing smaller does it.
    change = (moved - hidden_B_T_D)[above]
    across = change - (change @ PROBE.weight_D)[:, None] * PROBE.weight_D / 25
    assert torch.allclose(across, torch.zeros_like(across), atol=1e-5)


def test_the_dtype_of_the_states_stays() -> None:
    assert PROBE.lowered(torch.ones(2, dtype=torch.bfloat16), 0.1).dtype == torch.bfloat16

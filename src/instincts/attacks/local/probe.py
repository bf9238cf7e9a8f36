"""A linear probe of a concept on hidden states, and the least change that brings it to a wanted probability.

Source: SCAV (Xu et al., arXiv:2404.12038), equations at second hand. A probe is P(e) = sigmoid(w.e + b). Of all changes
that bring P to p0, the smallest lies along w: e + ((logit(p0) - b - w.e) / |w|^2) w.

The probe is logistic regression with a penalty on w alone, fitted by Newton's method in the span of the data, where its
optimum lies: so a few hundred states of some thousand dimensions cost a problem of a few hundred unknowns.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Probe", "fit_probe"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Probe:
    """A linear concept; float32, on any device."""

    weight_D: Tensor  # noqa: N815 - an axis letter, as in every tensor's name
    bias: float

    def log_odds(self, hidden_D: Tensor) -> Tensor:
        """Compute logit P, for any shape that ends in the hidden dimension."""
        return hidden_D.float() @ self.weight_D.to(hidden_D.device) + self.bias

    def accuracy(self, hidden_N_D: Tensor, positive_N: Tensor) -> float:
        """Share of the states on the right side of P = 1/2."""
        return float(((self.log_odds(hidden_N_D) > 0) == positive_N).float().mean())

    def lowered(self, hidden_D: Tensor, probability: float) -> Tensor:
        """Move states with a higher P to exactly this P by the smallest change; the others stay as they are.

        Args:
            hidden_D: any shape that ends in the hidden dimension; the result has its dtype.
            probability: above 0 and below 1.
        """
        excess = (self.log_odds(hidden_D) - math.log(probability / (1 - probability))).clamp_min(0)
        weight_D = self.weight_D.to(hidden_D.device)
        moved = hidden_D.float() - excess.unsqueeze(-1) * weight_D / (weight_D @ weight_D)
        return moved.to(hidden_D.dtype)


def fit_probe(hidden_N_D: Tensor, positive_N: Tensor, *, penalty: float = 1e-3) -> Probe:
    """Fit a probe by penalised logistic regression; no randomness.

    Minimises mean log-loss + penalty / 2 |w s|^2, with s the root mean square distance of the states from their mean:
    so that one penalty means the same on every layer of every model.

    Args:
        hidden_N_D: states.
        positive_N: boolean, which of them show the concept; both kinds must occur.
        penalty: above 0; without it the weights of separable data grow without end.

    Raises:
        ValueError: only one kind of state, or a penalty of 0 or less.
    """
    if penalty <= 0 or not (bool(positive_N.any()) and bool((~positive_N).any())):
        raise ValueError(f"a probe wants both kinds of states and a penalty above 0, not {penalty}")
    x_N_D = hidden_N_D.double()
    centre_D = x_N_D.mean(dim=0)
    scale = float((x_N_D - centre_D).square().sum(dim=1).mean().sqrt().clamp_min(torch.finfo(torch.float64).tiny))
    # x = U S V^T: the coordinates U S have at most N columns, and |w| is the same in them as w lies in the span of V.
    u_N_R, s_R, v_R_D = torch.linalg.svd((x_N_D - centre_D) / scale, full_matrices=False)
    kept = s_R > s_R[0] * 1e-10
    v_R_D = v_R_D[kept]
    weight_R, bias = _newton(u_N_R[:, kept] * s_R[kept], positive_N.double(), penalty)
    weight_D = weight_R @ v_R_D / scale
    return Probe(weight_D=weight_D.float(), bias=float(bias - weight_D @ centre_D))


def _newton(x_N_R: Tensor, y_N: Tensor, penalty: float) -> tuple[Tensor, Tensor]:
    n, r = x_N_R.shape
    design_N_Q = torch.cat([x_N_R, x_N_R.new_ones(n, 1)], dim=1)
    ridge_Q = torch.cat([x_N_R.new_full((r,), penalty), x_N_R.new_zeros(1)])
    theta_Q = x_N_R.new_zeros(r + 1)

    def loss(theta_Q: Tensor) -> Tensor:
        return torch.nn.functional.binary_cross_entropy_with_logits(design_N_Q @ theta_Q, y_N) + (
            ridge_Q @ theta_Q.square() / 2
        )

    for _ in range(_MOST_STEPS):
        p_N = torch.sigmoid(design_N_Q @ theta_Q)
        gradient_Q = design_N_Q.T @ (p_N - y_N) / n + ridge_Q * theta_Q
        if float(gradient_Q.abs().max()) < _FLAT:
            break
        hessian_Q_Q = design_N_Q.T @ (design_N_Q * (p_N * (1 - p_N) / n).unsqueeze(1)) + torch.diag(ridge_Q)
        # The intercept has no penalty, and where every state is certain its curvature vanishes.
        hessian_Q_Q += torch.eye(r + 1, dtype=hessian_Q_Q.dtype) * 1e-12
        step_Q = torch.linalg.solve(hessian_Q_Q, gradient_Q)
        rate = 1.0
        while float(loss(theta_Q - rate * step_Q)) > float(loss(theta_Q)) and rate > 1e-6:
            rate /= 2
        theta_Q = theta_Q - rate * step_Q
    return theta_Q[:-1], theta_Q[-1]


_MOST_STEPS = 100
_FLAT = 1e-10

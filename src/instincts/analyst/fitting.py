"""Weights from labels: a monotone logistic model of a tree's 17 sums, convex, with a prior and honest doubt.

    minimise  mean_i [ log(1 + exp z_i) - y_i z_i ] + λ (‖w - w₀‖² + (g - g₀)²),   z = β + Σ w_a φ(c_a) - g φ(c_B)
    subject to  w ≥ 0, g ≥ 0

w₀ and g₀ are the parent policy's, so few labels stay near it and many move it; λ by cross-validated log-loss over whole
families of prompts. The published fit searches 36 bounded numbers at random, without bias, prior or seed; with some
500 labels the shape of the severities cannot be learnt, so here they stay the parent's. Everything is float64.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from instincts.analyst.codes import SLOTS, Forest
from instincts.analyst.policy import Policy
from instincts.analyst.scoring import Floats, masses, transformed, weights_of
from instincts.errors import ConfigError
from instincts.statistics.resampling import Codes, cluster_codes

__all__ = ["FOLDS", "PENALTIES", "Fit", "Labels", "features", "fit_weights", "minimised", "out_of_fold"]

FOLDS = 5
PENALTIES = tuple(10.0**power for power in (-4, -3.5, -3, -2.5, -2, -1.5, -1, -0.5, 0))
"""What λ is chosen among."""


@dataclass(frozen=True, kw_only=True)
class Labels:
    """What is fitted to, one row a tree."""

    harmful_N: Floats  # noqa: N815 - an axis letter
    """Share of annotators who call it harmful, 0 to 1."""
    weight_N: Floats  # noqa: N815 - an axis letter
    """How much each row counts."""
    families: Sequence[Hashable]
    """What each prompt belongs to: its paraphrases and wrappers are not new evidence."""


@dataclass(frozen=True, kw_only=True)
class Fit:
    """A fitted model: bias first, then 16 weights, then the weight of benefits."""

    theta: Floats
    """Of length 18."""
    penalty: float
    """λ."""
    log_loss: dict[float, float]
    """Cross-validated log-loss of each λ, in nats."""
    out_of_fold_N: Floats  # noqa: N815 - an axis letter
    """Each tree's score by the model that did not see its family."""
    intercept: float
    """Of the calibration: logit p = intercept + score / scale."""
    scale: float
    draws_R_18: Floats  # noqa: N815 - an axis letter
    """The same fit on families drawn with replacement."""

    @property
    def low(self) -> Floats:
        """Lower ends of the 95 % intervals."""
        return np.asarray(np.quantile(self.draws_R_18, 0.025, axis=0))

    @property
    def high(self) -> Floats:
        """Upper ends of the 95 % intervals."""
        return np.asarray(np.quantile(self.draws_R_18, 0.975, axis=0))

    @property
    def at_bound(self) -> Floats:
        """Share of the draws in which each number is 0, where no interval holds; the bias has no bound."""
        share = np.asarray((self.draws_R_18 <= _AT_BOUND).mean(axis=0))
        share[0] = 0.0
        return share

    def odds_draws(self, x_N_17: Floats) -> Floats:
        """Give the calibrated log-odds of trees in every draw, `odds_R_N`: the doubt about each verdict."""
        z = self.draws_R_18[:, :1] + self.draws_R_18[:, 1:] @ x_N_17.T
        odds: Floats = self.intercept + z / self.scale
        return odds


def features(forest: Forest, policy: Policy) -> Floats:
    """Give the 17 transformed sums of each tree, benefits with a minus, so that every weight is at least 0."""
    x = transformed(masses(forest, policy), policy).copy()
    x[:, -1] *= -1
    return x


def fit_weights(
    x_N_17: Floats,
    labels: Labels,
    parent: Policy,
    *,
    draws: int = 1000,
    seed: int = 0,
    penalties: Sequence[float] = PENALTIES,
) -> Fit:
    """Fit weights, choose λ, calibrate on scores that no tree's own label shaped, and draw intervals.

    Args:
        x_N_17: of `features`.
        labels: one row a tree.
        parent: gives the prior.
        draws: of the bootstrap.
        seed: of folds and draws.
        penalties: candidates for λ.

    Raises:
        ConfigError: too few families, or only one class among the labels.
    """
    codes = cluster_codes(labels.families, values=len(x_N_17))
    families = int(codes.max(initial=-1)) + 1
    if families < FOLDS:
        raise ConfigError(
            f"{families} families of labelled prompts; a fit needs at least {FOLDS}, and hundreds to say much"
        )
    y, w = labels.harmful_N, labels.weight_N
    if not 0 < float(y @ w) < float(w.sum()):
        raise ConfigError("every label is the same; a fit needs harmful and benign prompts")
    prior = np.concatenate([[parent.bias], np.abs(weights_of(parent))])
    random = np.random.default_rng(seed)
    fold_N = random.permutation(families)[codes] % FOLDS
    scores = {penalty: out_of_fold(x_N_17, y, w, prior, penalty, fold_N) for penalty in penalties}
    losses = {penalty: _log_loss(z, y, w) for penalty, z in scores.items()}
    penalty = min(losses, key=lambda each: losses[each])
    theta = minimised(x_N_17, y, w, prior, penalty)
    intercept, scale = _calibrated(scores[penalty], y, w)
    drawn = np.empty((draws, SLOTS + 1))
    for draw in range(draws):
        times = np.bincount(random.integers(families, size=families), minlength=families)[codes]
        drawn[draw] = minimised(x_N_17, y, w * times, prior, penalty, start=theta)
    return Fit(theta=theta, penalty=penalty, log_loss=losses, out_of_fold_N=scores[penalty],
               intercept=intercept, scale=scale, draws_R_18=drawn)  # fmt: skip


def minimised(
    x_N_17: Floats, y_N: Floats, w_N: Floats, prior: Floats, penalty: float, start: Floats | None = None
) -> Floats:
    """Solve the convex problem by L-BFGS-B; the bias is free and has no prior.

    Args:
        x_N_17: of `features`.
        y_N: labels, 0 to 1.
        w_N: how much each row counts.
        prior: 18 numbers; the first, the bias, only starts the search.
        penalty: λ.
        start: where to begin, by default at the prior.

    Returns:
        18 numbers: bias, weights, the weight of benefits.
    """
    from scipy.optimize import minimize

    kept = w_N > 0
    x, y = np.column_stack([np.ones(int(kept.sum())), x_N_17[kept]]), y_N[kept]
    share = w_N[kept] / w_N[kept].sum()

    def loss(theta: Floats) -> tuple[float, Floats]:
        z = x @ theta
        away = theta - prior
        away[0] = 0.0
        value = share @ (np.logaddexp(0, z) - y * z) + penalty * away @ away
        slope = x.T @ (share * (0.5 * (1 + np.tanh(z / 2)) - y)) + 2 * penalty * away
        return float(value), slope

    bounds = [(None, None), *[(0.0, None)] * SLOTS]
    found = minimize(
        loss,
        prior if start is None else start,
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        options={"maxiter": 2000, "ftol": 1e-13, "gtol": 1e-8},
    )
    return np.asarray(found.x, dtype=np.float64)


def out_of_fold(x_N_17: Floats, y_N: Floats, w_N: Floats, prior: Floats, penalty: float, fold_N: Codes) -> Floats:
    """Score each tree by a model that was fitted without its fold."""
    z = np.empty(len(x_N_17))
    for fold in np.unique(fold_N):
        held = fold_N == fold
        theta = minimised(x_N_17, y_N, np.where(held, 0.0, w_N), prior, penalty)
        z[held] = theta[0] + x_N_17[held] @ theta[1:]
    return z


def _calibrated(z_N: Floats, y_N: Floats, w_N: Floats) -> tuple[float, float]:
    """Fit logit p = α + z/τ; the slope is held near 1 by a little, since few labels say little about it."""
    from scipy.optimize import minimize

    share = w_N / w_N.sum()

    def loss(line: Floats) -> float:
        odds = line[0] + np.exp(line[1]) * z_N
        return float(share @ (np.logaddexp(0, odds) - y_N * odds) + _SLOPE_PENALTY * line[1] ** 2)

    found = minimize(loss, np.zeros(2), method="BFGS")
    return float(found.x[0]), float(np.exp(-found.x[1]))


def _log_loss(z_N: Floats, y_N: Floats, w_N: Floats) -> float:
    return float(w_N @ (np.logaddexp(0, z_N) - y_N * z_N) / w_N.sum())


_SLOPE_PENALTY = 1e-4
_AT_BOUND = 1e-9

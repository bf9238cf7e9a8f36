"""Float64 NumPy twins of the fast paths, written straight from the definitions; slow, and right.

Every fast path is tested against the function of the same name here, and a trainer may compare a batch at start-up.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["counted_mean", "probabilities", "self_certainty", "token_entropy", "token_log_prob"]

Floats = NDArray[np.float64]


def probabilities(logits_V: ArrayLike, temperature: float = 1.0) -> Floats:
    """Softmax of logits over their last axis."""
    z_V = np.asarray(logits_V, dtype=np.float64) / temperature
    weight_V: Floats = np.exp(z_V - z_V.max(axis=-1, keepdims=True))
    return np.asarray(weight_V / weight_V.sum(axis=-1, keepdims=True))


def token_entropy(logits_V: ArrayLike, temperature: float = 1.0) -> Floats:
    """H = -Σ_v p_v ln p_v in nats, where 0 ln 0 = 0."""
    p_V = probabilities(logits_V, temperature)
    terms_V: Floats = np.zeros_like(p_V)
    np.log(p_V, out=terms_V, where=p_V > 0)
    return np.asarray(-(p_V * terms_V).sum(axis=-1))


def token_log_prob(logits_V: ArrayLike, tokens: ArrayLike, temperature: float = 1.0) -> Floats:
    """Log-probability z_y - ln Z of given tokens, in nats."""
    z_V = np.asarray(logits_V, dtype=np.float64) / temperature
    top = z_V.max(axis=-1)
    log_z = top + np.log(np.exp(z_V - top[..., None]).sum(axis=-1))
    index: NDArray[Any] = np.asarray(tokens)[..., None]
    return np.asarray(np.take_along_axis(z_V, index, axis=-1)[..., 0] - log_z)


def self_certainty(logits_V: ArrayLike, temperature: float = 1.0) -> Floats:
    """KL(U || p) = Σ_v (1/V) ln((1/V) / p_v), in nats."""
    z_V = np.asarray(logits_V, dtype=np.float64) / temperature
    top = z_V.max(axis=-1, keepdims=True)
    log_p_V = z_V - top - np.log(np.exp(z_V - top).sum(axis=-1, keepdims=True))
    return np.asarray((-np.log(z_V.shape[-1]) - log_p_V).mean(axis=-1))


def counted_mean(values_B_T: ArrayLike, counted_B_T: ArrayLike) -> Floats:
    """Mean of each row over its counted places, one row after the other."""
    rows = zip(np.asarray(values_B_T, dtype=np.float64), np.asarray(counted_B_T, dtype=bool), strict=True)
    return np.array([row[counted].mean() for row, counted in rows])

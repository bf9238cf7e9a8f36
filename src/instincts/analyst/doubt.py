"""How sure a verdict is: its probability under every draw of a fitted policy's weights.

A fit draws families of labelled prompts with replacement and fits again; the draws are kept beside the policy, since
the weights move together and 18 intervals do not tell how. A verdict whose interval has a line in it is unsure: with
other labels of the same kind it would be another. Re-scoring without draws is as fast as ever. Knows files, no model.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instincts.analyst.codes import SLOTS, Forest
from instincts.analyst.fitting import features
from instincts.analyst.policy import Policy
from instincts.analyst.scoring import Floats, Scores, verdicts_of
from instincts.errors import RecordError

__all__ = ["DRAWS_FILE", "Doubts", "doubts_of", "draws_beside", "fit_folder", "write_draws"]

DRAWS_FILE = "draws.safetensors"


@dataclass(frozen=True)
class Doubts:
    """95 % intervals of P verdicts."""

    low_P: Floats  # noqa: N815 - an axis letter
    """Lower end of the probability."""
    high_P: Floats  # noqa: N815 - an axis letter
    """Upper end."""
    unsure_P: NDArray[np.bool_]  # noqa: N815 - an axis letter
    """Whether the two ends have different verdicts, floors included."""


def doubts_of(forest: Forest, policy: Policy, scores: Scores, draws_R_18: Floats) -> Doubts:
    """Compute the interval of every verdict, a block of trees at a time.

    Args:
        forest: P trees.
        policy: gives severities, calibration and lines.
        scores: what the policy says of the same trees.
        draws_R_18: bias, 16 weights and the weight of benefits in each draw.
    """
    low, high = np.empty(len(forest)), np.empty(len(forest))
    x = features(forest, policy)
    for first in range(0, len(forest), _BLOCK):
        block = slice(first, first + _BLOCK)
        odds = policy.intercept + (draws_R_18[:, :1] + draws_R_18[:, 1:] @ x[block].T) / policy.calibration.scale
        low[block], high[block] = np.quantile(odds, [0.025, 0.975], axis=0)
    ends = [np.maximum(verdicts_of(each, policy), scores.floor_P) for each in (low, high)]
    return Doubts(_sigmoid(low), _sigmoid(high), ends[0] != ends[1])


def fit_folder(policy_file: Path) -> Path:
    """Tell where a fit writes what it knows beside its policy."""
    return policy_file.with_suffix(".fit")


def write_draws(folder: Path, draws_R_18: Floats, policy: Policy) -> None:
    """Keep the draws of a fit, as float32, with the digest of the policy that they belong to."""
    from safetensors.numpy import save_file

    folder.mkdir(parents=True, exist_ok=True)
    told = {"instincts": json.dumps({"policy": policy.digest})}
    save_file({"draws_R_18": draws_R_18.astype(np.float32)}, folder / DRAWS_FILE, metadata=told)


def draws_beside(source: str | Path, policy: Policy) -> Floats | None:
    """Find the draws of a fitted policy.

    Args:
        source: the policy as the user named it.
        policy: what was read from there.

    Returns:
        `draws_R_18`; None where the policy was not fitted, or its draws are not beside it, or it was edited since: then
        they are another policy's doubt.

    Raises:
        RecordError: the file is broken.
    """
    path = fit_folder(Path(source)) / DRAWS_FILE
    if policy.fit is None or not path.is_file():
        return None
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            told: Any = json.loads((file.metadata() or {}).get("instincts", "{}"))
            draws = np.asarray(file.get_tensor("draws_R_18"), dtype=np.float64)
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise RecordError(f"{path} cannot be read: {error}; fit again, or remove it") from None
    if draws.ndim != 2 or draws.shape[1] != SLOTS + 1 or not np.isfinite(draws).all():
        raise RecordError(f"{path} holds no draws of {SLOTS + 1} numbers; fit again, or remove it")
    return draws if told.get("policy") == policy.digest else None


def _sigmoid(odds: Floats) -> Floats:
    share: Floats = 0.5 * (1 + np.tanh(odds / 2))
    return share


_BLOCK = 1024
"""Trees at once: with 1,000 draws, 8 MB."""

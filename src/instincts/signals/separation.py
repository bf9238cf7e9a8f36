"""How far a model's refusals and compliances stand apart in confidence, told inside each prompt.

Source: the entropy gap of SIRL (arXiv:2510.01088; reported there pooled over answers, with Cohen's d and a Mann-Whitney
test). Prompts differ in difficulty and answers to one prompt are alike, so the numbers to trust here compare answers to
the *same* prompt and resample prompts, never answers. Refusals are also short; two controls say what of the gap is
only length.

A gap is always compliances minus refusals: positive where the model is surer when it refuses. NumPy in and out.
"""

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from instincts.signals.modes import Split, otsu_split

__all__ = [
    "Estimate",
    "LengthMatched",
    "Separation",
    "Split",
    "length_matched",
    "otsu_split",
    "residual_on_log_length",
    "separation",
]

Floats = NDArray[np.float64]


class Estimate(NamedTuple):
    """A number with its 95 % percentile bootstrap interval over prompts."""

    value: float
    """The estimate."""
    low: float | None
    """Lower end; None where fewer than two prompts could vary."""
    high: float | None
    """Upper end; None where fewer than two prompts could vary."""


class LengthMatched(NamedTuple):
    """Separation of same-prompt pairs, both answers cut to the shorter one's length."""

    prompts: int
    """Prompts that show both classes; every estimate averages over these."""
    pairs: int
    """Pairs of a refusal and a compliance to the same prompt."""
    paired_gap: Estimate | None
    """Mean over prompts of the mean over pairs of compliance minus refusal; None without such a prompt."""
    auroc: Estimate | None
    """Mean over prompts of the share of pairs in which the refusal is lower, ties one half."""
    cliffs_delta: Estimate | None
    """2 AUROC - 1: 0 no separation, 1 every refusal below every compliance to its prompt."""


class Separation(NamedTuple):
    """How a signal parts refusals from compliances; the signal's unit (nats a token for mean entropies)."""

    prompts: int
    """Prompts with at least one answer of either class."""
    mixed_prompts: int
    """Prompts that show both classes; the paired numbers rest on these alone."""
    refusals: int
    """Number of refusals."""
    compliances: int
    """Number of compliances."""
    refusal_mean: float | None
    """Mean over all refusals; None without one."""
    compliance_mean: float | None
    """Mean over all compliances; None without one."""
    paired_gap: Estimate | None
    """Mean over mixed prompts of (mean of compliances - mean of refusals); None without a mixed prompt."""
    auroc: Estimate | None
    """Mean over mixed prompts of the share of pairs with refusal < compliance, ties one half."""
    cliffs_delta: Estimate | None
    """2 AUROC - 1."""
    pooled_gap: Estimate | None
    """Mean of all compliances minus mean of all refusals, as the paper has it; mixes in which prompts get refused."""
    cohens_d: float | None
    """Pooled gap over the pooled standard deviation; None below two answers a class or without spread."""
    mann_whitney_p: float | None
    """Two-sided, over all answers. Decoration: it takes answers to one prompt for independent."""


def separation(
    prompts: Sequence[Hashable],
    refused: ArrayLike,
    values: ArrayLike,
    *,
    resamples: int = 2000,
    seed: int = 0,
) -> Separation:
    """Measure how far a signal parts refusals from compliances.

    Args:
        prompts: the prompt each answer belongs to.
        refused: boolean, True for a refusal, False for a compliance; leave other answers (empty, broken) out.
        values: one number an answer: mean entropy, a first-k mean, surprisal, or a residual of one.
        resamples: bootstrap draws of prompts.
        seed: of those draws.

    Raises:
        ValueError: the three differ in length, or a value is not finite.
    """
    table = _by_prompt(prompts, refused, values)
    x, is_refusal = np.concatenate([[], *table.values]), np.concatenate([np.zeros(0, bool), *table.refused])
    refusals, compliances = x[is_refusal], x[~is_refusal]
    mixed = [row for row in zip(table.values, table.refused, strict=True) if 0 < row[1].sum() < row[1].size]
    gaps = np.array([row[~marks].mean() - row[marks].mean() for row, marks in mixed])
    aurocs = np.array([_auroc(row[marks][:, None], row[~marks][None, :]) for row, marks in mixed])
    draws = _Draws(resamples, seed)
    return Separation(
        prompts=len(table.values),
        mixed_prompts=len(mixed),
        refusals=refusals.size,
        compliances=compliances.size,
        refusal_mean=_mean(refusals),
        compliance_mean=_mean(compliances),
        paired_gap=_over_prompts(gaps, draws),
        auroc=_over_prompts(aurocs, draws),
        cliffs_delta=_over_prompts(2 * aurocs - 1, draws),
        pooled_gap=_pooled_gap(table, draws),
        cohens_d=_cohens_d(refusals, compliances),
        mann_whitney_p=_mann_whitney(refusals, compliances),
    )


def length_matched(
    prompts: Sequence[Hashable],
    refused: ArrayLike,
    values_T: Sequence[ArrayLike],
    *,
    resamples: int = 2000,
    seed: int = 0,
) -> LengthMatched:
    """Compare every refusal with every compliance to its prompt over as many tokens as the shorter one has.

    Args:
        prompts: the prompt each answer belongs to.
        refused: as in `separation`.
        values_T: the tokens' signal of each answer, counted tokens only; at least one each.
        resamples: bootstrap draws of prompts.
        seed: of those draws.

    Raises:
        ValueError: the three differ in length, an answer has no token, or a token's value is not finite.
    """
    rows = [np.asarray(row, dtype=np.float64) for row in values_T]
    if empty := [index for index, row in enumerate(rows) if not row.size]:
        raise ValueError(f"answers {empty} have no token; leave them out")
    # The overall means pass the same checks as any signal; the pairs below use the tokens.
    means = _by_prompt(prompts, refused, [row.mean() for row in rows])
    # The mean of the first t tokens at place t - 1, so that a pair's common length is one look-up.
    running = [row.cumsum() / np.arange(1, row.size + 1) for row in rows]
    gaps, aurocs, pairs = list[float](), list[float](), 0
    for places, marks in zip(means.places, means.refused, strict=True):
        cut = [
            (running[low][shorter - 1], running[high][shorter - 1])
            for low in places[marks]
            for high in places[~marks]
            if (shorter := min(rows[low].size, rows[high].size))
        ]
        if cut:
            low_pairs, high_pairs = np.array(cut).T
            gaps.append(float((high_pairs - low_pairs).mean()))
            aurocs.append(_auroc(low_pairs, high_pairs))
            pairs += len(cut)
    draws = _Draws(resamples, seed)
    auroc = np.array(aurocs)
    return LengthMatched(
        prompts=len(gaps),
        pairs=pairs,
        paired_gap=_over_prompts(np.array(gaps), draws),
        auroc=_over_prompts(auroc, draws),
        cliffs_delta=_over_prompts(2 * auroc - 1, draws),
    )


def residual_on_log_length(values: ArrayLike, lengths: ArrayLike) -> Floats:
    """Take out of a signal what a straight line in ln T explains; give the rest to `separation`.

    Strict: where refusals and compliances hardly overlap in length, the line also takes the true gap away.

    Args:
        values: one number an answer.
        lengths: counted tokens of each answer, at least 1.

    Returns:
        Residuals of least squares, mean 0; the centred values where all lengths are equal.

    Raises:
        ValueError: the two differ in length, or a length is below 1.
    """
    y, lengths_ = np.asarray(values, dtype=np.float64), np.asarray(lengths, dtype=np.float64)
    if y.shape != lengths_.shape or (lengths_ < 1).any():
        raise ValueError(
            f"{y.size} values and {lengths_.size} lengths, the least {lengths_.min(initial=1)}; each at least 1"
        )
    if y.size == 0:
        return y
    x, y = np.log(lengths_) - np.log(lengths_).mean(), y - y.mean()
    spread = float(x @ x)
    return np.asarray(y - x * (x @ y) / spread) if spread > 0 else y


class _Draws(NamedTuple):
    resamples: int
    seed: int


class _Table(NamedTuple):
    values: list[Floats]
    refused: list[NDArray[np.bool_]]
    places: list[NDArray[np.int64]]


def _by_prompt(prompts: Sequence[Hashable], refused: ArrayLike, values: ArrayLike) -> _Table:
    marks, x = np.asarray(refused, dtype=bool), np.asarray(values, dtype=np.float64)
    if not len(prompts) == marks.size == x.size:
        raise ValueError(f"{len(prompts)} prompts, {marks.size} labels, {x.size} values; each answer needs one of each")
    if not np.isfinite(x).all():
        raise ValueError(f"{int((~np.isfinite(x)).sum())} of {x.size} values are not finite; leave those answers out")
    places: dict[Hashable, list[int]] = {}
    for index, prompt in enumerate(prompts):
        places.setdefault(prompt, []).append(index)
    rows = [np.array(row) for row in places.values()]
    return _Table([x[row] for row in rows], [marks[row] for row in rows], rows)


def _auroc(refusals: Floats, compliances: Floats) -> float:
    return float(((refusals < compliances) + 0.5 * (refusals == compliances)).mean())


def _over_prompts(numbers: Floats, draws: _Draws) -> Estimate | None:
    """Average one number a prompt."""
    return _bootstrap_ratio(numbers[:, None], np.ones((numbers.size, 1)), draws)


def _pooled_gap(table: _Table, draws: _Draws) -> Estimate | None:
    # Compliances in column 0, refusals in column 1: the gap is the difference of the two ratios sum / count.
    sums = np.array([[x[~marks].sum(), -x[marks].sum()] for x, marks in zip(table.values, table.refused, strict=True)])
    counts = np.array([[(~marks).sum(), marks.sum()] for marks in table.refused], dtype=np.float64)
    if not len(sums) or not counts.sum(axis=0).all():
        return None
    return _bootstrap_ratio(sums, counts, draws)


def _bootstrap_ratio(sums_P_C: Floats, counts_P_C: Floats, draws: _Draws) -> Estimate | None:
    """Estimate Σ_c (Σ_p sums / Σ_p counts), drawing prompts with replacement."""
    prompts = len(sums_P_C)
    if prompts == 0:
        return None
    value = float((sums_P_C.sum(axis=0) / counts_P_C.sum(axis=0)).sum())
    if prompts == 1:
        return Estimate(value, None, None)
    random = np.random.default_rng(draws.seed)
    drawn_values = []
    for start in range(0, draws.resamples, _BLOCK):
        drawn = random.integers(prompts, size=(min(_BLOCK, draws.resamples - start), prompts))
        sums, counts = sums_P_C[drawn].sum(axis=1), counts_P_C[drawn].sum(axis=1)
        # A draw without one of the classes has no gap to tell; it is left out.
        whole = counts.all(axis=1)
        drawn_values.append((sums[whole] / counts[whole]).sum(axis=1))
    low, high = np.quantile(np.concatenate(drawn_values), [0.025, 0.975])
    return Estimate(value, float(low), float(high))


def _mean(x: Floats) -> float | None:
    return float(x.mean()) if x.size else None


def _cohens_d(refusals: Floats, compliances: Floats) -> float | None:
    if min(refusals.size, compliances.size) < 2:
        return None
    free = np.array([refusals.size - 1, compliances.size - 1])
    variance = float(free @ [refusals.var(ddof=1), compliances.var(ddof=1)] / free.sum())
    return float(compliances.mean() - refusals.mean()) / variance**0.5 if variance > 0 else None


def _mann_whitney(refusals: Floats, compliances: Floats) -> float | None:
    if not refusals.size or not compliances.size:
        return None
    from scipy.stats import mannwhitneyu

    return float(mannwhitneyu(compliances, refusals, alternative="two-sided").pvalue)


_BLOCK = 250  # resamples at once, so that many prompts do not fill the memory

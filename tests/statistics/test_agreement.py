"""Agreement by hand, against Inspect, scikit-learn and statsmodels."""

from typing import Any

import numpy as np
import pytest
from inspect_ai.scorer import SampleScore, Score
from inspect_ai.scorer import krippendorff_alpha as inspect_alpha
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.inter_rater import cohens_kappa

from instincts.statistics import (
    Bootstrap,
    Interval,
    alpha_interval,
    cohen_kappa,
    kappa_interval,
    krippendorff_alpha,
)

Ratings = list[list[object | None]]


def noisy_ratings(units: int, raters: int, *, missing: float, seed: int) -> Ratings:
    random = np.random.default_rng(seed)
    truth = random.integers(3, size=units)
    return [
        [
            None if random.random() < missing else "abc"[value if random.random() < 0.7 else random.integers(3)]
            for _ in range(raters)
        ]
        for value in truth
    ]


def test_alpha_by_hand() -> None:
    """Units aa, ab, bb: o_aa = 2, o_bb = 2, o_ab = o_ba = 1, n = 6, n_a = n_b = 3.

    D_o = 2/6; D_e = 2 x 9 / (6 x 5) = 3/5; alpha = 1 - (1/3)/(3/5) = 4/9.
    """
    assert krippendorff_alpha([["a", "a"], ["a", "b"], ["b", "b"]]) == pytest.approx(4 / 9)


def test_alpha_of_krippendorff_s_own_example_with_missing_ratings() -> None:
    """Krippendorff, Computing Krippendorff's Alpha-Reliability (2011), section C: 4 observers, 12 units, 0.743."""
    observers = ["123321412...", "1233224125.3", ".3332342251.", "12332441251."]
    ratings: Ratings = [[None if said == "." else said for said in unit] for unit in zip(*observers, strict=True)]

    assert krippendorff_alpha(ratings) == pytest.approx(0.743, abs=5e-4)


@pytest.mark.parametrize("seed", range(5))
def test_alpha_agrees_with_inspect(seed: int) -> None:
    ratings = noisy_ratings(40, 4, missing=0.2, seed=seed)
    said: list[Any] = [[value for value in unit if value is not None] for unit in ratings]
    metric: Any = inspect_alpha("nominal")

    expected = metric([SampleScore(score=Score(value=values)) for values in said])

    assert krippendorff_alpha(ratings) == pytest.approx(expected)


def test_no_variation_is_no_agreement_and_no_disagreement() -> None:
    """Inspect says 1.0 here."""
    assert krippendorff_alpha([["a", "a"], ["a", "a"]]) is None
    assert alpha_interval([["a", "a"], ["a", "a"]]) == Interval(None, None, None, 2)


def test_units_with_one_rating_drop_out() -> None:
    pairs: Ratings = [["a", "a", None], ["a", "b", None], ["b", "b", None]]

    assert krippendorff_alpha([*pairs, ["b", None, None], [None, None, None]]) == krippendorff_alpha(pairs)
    assert alpha_interval([*pairs, ["b", None, None]]).n == 3
    assert krippendorff_alpha([["a", None]]) is None
    assert krippendorff_alpha([]) is None


def test_alpha_interval_is_the_percentiles_of_alphas_of_drawn_units() -> None:
    """Against the slow way: draw units, copy them, compute alpha of the copies. Other draws, so within their noise."""
    ratings = noisy_ratings(60, 3, missing=0.1, seed=1)
    random = np.random.default_rng(9)

    found = alpha_interval(ratings, bootstrap=Bootstrap(resamples=4000))

    drawn = [krippendorff_alpha([ratings[row] for row in random.integers(60, size=60)]) for _ in range(1500)]
    expected = np.quantile(np.array(drawn, dtype=float), [0.025, 0.975])
    assert found.value == krippendorff_alpha(ratings)
    assert found[1:3] == pytest.approx(tuple(expected), abs=0.02)


def test_copies_of_a_behaviour_do_not_narrow_the_interval() -> None:
    ratings = noisy_ratings(30, 3, missing=0.0, seed=2)

    once = alpha_interval(ratings)
    copied = alpha_interval(ratings * 10, clusters=[*range(30)] * 10)

    # Copying changes alpha a little: n (n - 1) grows by more than a hundredfold.
    assert copied[:3] == pytest.approx(once[:3], abs=0.02)
    assert copied.n == 300


def test_alpha_wants_one_cluster_a_unit() -> None:
    with pytest.raises(ValueError, match="2 values and 1 cluster names"):
        alpha_interval([["a", "a"], ["a", "b"]], clusters=["p"])


def test_kappa_by_hand() -> None:
    """Both yes 20, both no 15, only a 5, only b 10: p_o = 0.7; chance 0.5 x 0.6 + 0.5 x 0.4 = 0.5; kappa 0.4."""
    a = ["yes"] * 20 + ["no"] * 15 + ["yes"] * 5 + ["no"] * 10
    b = ["yes"] * 20 + ["no"] * 15 + ["no"] * 5 + ["yes"] * 10

    assert cohen_kappa(a, b) == pytest.approx(0.4)
    assert cohen_kappa(a, b) == pytest.approx(cohen_kappa_score(a, b))


def test_kappa_and_its_interval_agree_with_scikit_learn_and_statsmodels() -> None:
    """Statsmodels' interval is the normal one, so close to the bootstrap for 400 units and not equal."""
    random = np.random.default_rng(0)
    a = random.integers(3, size=400)
    b = np.where(random.random(400) < 0.7, a, random.integers(3, size=400))

    found = kappa_interval(a.tolist(), b.tolist())

    table = np.array([[((a == x) & (b == y)).sum() for y in range(3)] for x in range(3)])
    expected = cohens_kappa(table)
    assert found.value == pytest.approx(cohen_kappa_score(a, b))
    assert found[1:3] == pytest.approx((expected.kappa_low, expected.kappa_upp), abs=0.02)
    assert found.n == 400


def test_a_missing_verdict_drops_the_unit_from_kappa() -> None:
    a, b = ["x", "y", "x", "y", None, "x"], ["x", "y", "y", "y", "x", None]

    assert cohen_kappa(a, b) == cohen_kappa(a[:4], b[:4])
    assert kappa_interval(a, b).n == 4


def test_kappa_of_one_word_throughout_is_undefined() -> None:
    assert cohen_kappa(["x", "x"], ["x", "x"]) is None
    assert cohen_kappa([], []) is None
    assert kappa_interval(["x", None], [None, "x"]) == Interval(None, None, None, 0)


def test_kappa_wants_the_same_units() -> None:
    with pytest.raises(ValueError, match="one rater has 1 units, the other 2"):
        cohen_kappa(["x"], ["x", "y"])

"""Differences of statistics that are no means, on the same draws."""

import math

import numpy as np
import pytest

from instincts.statistics import Bootstrap, Flags, drawn_change, f1, f1_change
from instincts.statistics.ranking import auroc, fpr_at_recall, fpr_at_recall_change, ranking_change


def test_the_p_value_counts_draws_on_the_other_side() -> None:
    """Three of 99 draws are not above 0: 2 (3 + 1) / 100."""
    draws = np.array([-1.0, -1.0, 0.0] + [1.0] * 96)
    assert drawn_change(1.0, draws, 5).p_value == pytest.approx(0.08)
    assert drawn_change(-1.0, -draws, 5).p_value == pytest.approx(0.08)


def test_chance_is_never_ruled_out_altogether() -> None:
    assert drawn_change(1.0, np.ones(99), 5).p_value == pytest.approx(0.02)


def test_a_statistic_that_most_draws_leave_undefined_has_no_interval() -> None:
    found = drawn_change(1.0, np.array([math.nan] * 20 + [1.0] * 80), 5)
    assert (found.interval, found.p_value) == ((1.0, None, None, 5), None)


def test_other_rows_are_not_compared() -> None:
    one, other = Flags([True], [True], ["a"]), Flags([True], [True], ["b"])
    with pytest.raises(ValueError, match="pair the same rows"):
        f1_change([one], [other])


def test_each_draw_is_the_difference_of_two_plain_computations() -> None:
    """The same draws, taken apart row by row and computed by the functions without weights."""
    random = np.random.default_rng(3)
    y, a, b = random.random(40) < 0.5, random.random(40), random.random(40)
    clusters = [number // 2 for number in range(40)]
    bootstrap = Bootstrap(resamples=30)
    (weights,) = next(bootstrap.draws(20))
    rows = [np.repeat(np.arange(40), weight[clusters].astype(int)) for weight in weights]
    expected = {
        "f1": [f1((b[r] > 0.5).tolist(), y[r].tolist()) - f1((a[r] > 0.5).tolist(), y[r].tolist()) for r in rows],
        "auroc": [auroc(b[r], y[r]) - auroc(a[r], y[r]) for r in rows],
        "fpr": [fpr_at_recall(b[r], y[r], 0.9) - fpr_at_recall(a[r], y[r], 0.9) for r in rows],
    }
    flags = [[Flags((side > 0.5).tolist(), y.tolist(), clusters)] for side in (a, b)]
    found = {
        "f1": f1_change(*flags, bootstrap=bootstrap),
        "auroc": ranking_change(auroc, a, b, y, clusters=clusters, bootstrap=bootstrap),
        "fpr": fpr_at_recall_change(a, b, y, 0.9, clusters=clusters, bootstrap=bootstrap),
    }
    for name, values in expected.items():
        low, high = np.quantile(values, [0.025, 0.975])
        assert found[name].interval[1:3] == pytest.approx((low, high)), name


def test_equal_moderators_are_rarely_told_apart() -> None:
    """Of 200 pairs of equally noisy scores about one in twenty may be called different; binomial, 3 deviations: 20."""
    random = np.random.default_rng(0)
    rejected = 0
    for _ in range(200):
        y = random.random(80) < 0.5
        a, b = (y + random.normal(size=80) for _ in range(2))
        p = ranking_change(auroc, a, b, y, clusters=range(80), bootstrap=Bootstrap(resamples=200)).p_value
        rejected += p is not None and p < 0.05
    assert rejected <= 20

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from instincts.statistics.ranking import auprc, auroc, fpr_at_recall, fpr_at_recall_interval, ranking_interval


def test_areas_by_hand() -> None:
    """Ranked 3+ 2- 1+ : of two pairs one is right, 1/2; precision 1 and 2/3, average 5/6. A tie counts half."""
    assert auroc([3, 2, 1], [1, 0, 1]) == 0.5
    assert auprc([3, 2, 1], [1, 0, 1]) == pytest.approx(5 / 6)
    assert auroc([1, 1], [1, 0]) == 0.5


@pytest.mark.parametrize("seed", range(5))
def test_areas_are_those_of_another_library(seed: int) -> None:
    random = np.random.default_rng(seed)
    x, y, w = random.integers(12, size=60), random.random(60) < 0.4, random.random(60)

    assert auroc(x, y, w) == pytest.approx(roc_auc_score(y, x, sample_weight=w), abs=1e-12)
    assert auprc(x, y, w) == pytest.approx(average_precision_score(y, x, sample_weight=w), abs=1e-12)


def test_one_class_has_no_area() -> None:
    assert np.isnan(auroc([1, 2], [1, 1]))
    assert ranking_interval(auroc, [1, 2], [1, 1], clusters=[0, 1]).value is None


def test_copies_of_a_prompt_do_not_narrow_the_interval() -> None:
    random = np.random.default_rng(0)
    x, y = random.normal(size=80), random.random(80) < 0.5
    once = ranking_interval(auroc, x, y, clusters=range(80))
    thrice = ranking_interval(auroc, np.tile(x, 3), np.tile(y, 3), clusters=[*range(80)] * 3)

    assert thrice.value == pytest.approx(once.value or 0.0)
    assert (thrice.low, thrice.high) == pytest.approx((once.low, once.high))


def test_false_positives_at_a_recall_by_hand() -> None:
    """Ranked + + - + -: two of three positives need no false alarm, all three need one of two."""
    scores, positive = [5, 4, 3, 2, 1], [1, 1, 0, 1, 0]
    assert fpr_at_recall(scores, positive, 2 / 3) == 0
    assert fpr_at_recall(scores, positive, 0.95) == 0.5
    assert fpr_at_recall([1] * 5, positive, 0.5) == 1
    assert np.isnan(fpr_at_recall([1, 2], [1, 1], 0.9))
    assert fpr_at_recall_interval(scores, positive, 0.95, clusters=range(5)).value == 0.5


@pytest.mark.parametrize("seed", range(5))
def test_false_positives_are_those_of_another_librarys_curve(seed: int) -> None:
    random = np.random.default_rng(seed)
    x, y = random.integers(12, size=60), random.random(60) < 0.4
    false, true, _ = roc_curve(y, x, drop_intermediate=False)
    assert fpr_at_recall(x, y, 0.9) == pytest.approx(false[true >= 0.9 - 1e-9][0])

"""F1, its means and calibration error, by hand and against scikit-learn."""

import math
from random import Random

import pytest

from instincts.statistics import Bootstrap, Flags, calibration_error, f1, f1_interval, recall_of_f1

FEW = Bootstrap(resamples=200)


def flags(flagged: str, harmful: str) -> Flags:
    return Flags([each == "1" for each in flagged], [each == "1" for each in harmful], list(range(len(harmful))))


def test_f1_counts_hits_false_alarms_and_misses() -> None:
    """2 hits, 1 false alarm, 1 miss: 4 / (4 + 2) = 2/3; what is rightly passed does not count."""
    one = flags("110100", "111000")
    assert f1(one.flagged, one.harmful) == pytest.approx(2 / 3)


def test_nothing_harmful_and_nothing_flagged_has_no_f1() -> None:
    assert math.isnan(f1([False], [False]))


def test_without_benign_rows_f1_tells_the_recall() -> None:
    """3 of 4 found: F1 = 6/7, and 6/7 / (2 - 6/7) = 3/4."""
    assert recall_of_f1(f1([True, True, True, False], [True] * 4)) == pytest.approx(3 / 4)


def test_a_mean_over_sets_weighs_sets_alike_or_by_their_rows() -> None:
    """F1 1 on 2 rows and 2/3 on 6: 5/6 alike, (2 + 4) / 8 = 3/4 by rows."""
    sets = [flags("11", "11"), flags("110100", "111000")]
    assert f1_interval(sets, bootstrap=FEW).value == pytest.approx(5 / 6)
    assert f1_interval(sets, weighted=True, bootstrap=FEW).value == pytest.approx(3 / 4)


def test_a_set_without_a_harmful_row_has_no_mean() -> None:
    assert f1_interval([flags("11", "00")]).value is None


def test_the_interval_holds_the_estimate_and_a_larger_set_narrows_it() -> None:
    small, large = flags("110100" * 5, "111000" * 5), flags("110100" * 50, "111000" * 50)
    found = [f1_interval([each], bootstrap=FEW) for each in (small, large)]
    widths = [each.high - each.low for each in found if each.high is not None and each.low is not None]
    assert all(each.low < each.value < each.high for each in found)  # type: ignore[operator]
    assert widths[1] < widths[0] / 2


def test_copies_of_one_cluster_do_not_narrow_it() -> None:
    one = flags("110100" * 5, "111000" * 5)
    copied = Flags([*one.flagged] * 9, [*one.harmful] * 9, [*one.clusters] * 9)
    assert f1_interval([copied], bootstrap=FEW)[:3] == pytest.approx(f1_interval([one], bootstrap=FEW)[:3])


def test_scikit_learn_computes_the_same_f1() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    random = Random(0)
    said, labels = ([random.random() < 0.4 for _ in range(101)] for _ in range(2))
    assert f1(said, labels) == pytest.approx(metrics.f1_score(labels, said))


def test_calibration_error_compares_bins_of_equal_count() -> None:
    """Two bins of two: |0.15 - 0.5| and |0.85 - 1| with weight a half each: 0.25."""
    assert calibration_error([0.1, 0.2, 0.8, 0.9], [False, True, True, True], bins=2) == pytest.approx(0.25)


def test_equal_scores_share_a_bin() -> None:
    """A constant 1 on a harmful share of 1/4 is off by 3/4, however the rows are ordered."""
    for harmful in ([True, False, False, False], [False, False, False, True]):
        assert calibration_error([1.0] * 4, harmful) == pytest.approx(0.75)


def test_a_true_probability_is_nearly_calibrated() -> None:
    random = Random(1)
    chances = [random.random() for _ in range(20_000)]
    assert calibration_error(chances, [random.random() < chance for chance in chances]) < 0.02


def test_verdicts_and_labels_must_pair() -> None:
    with pytest.raises(ValueError, match="2 verdicts and 1 labels"):
        f1([True, True], [True])

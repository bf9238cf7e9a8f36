"""Judges against labels: by hand, and the correction on synthetic judges whose errors are known."""

import numpy as np
import pytest

from instincts.statistics import Bootstrap, Confusion, Interval, confusion, corrected_interval, corrected_rate, wilson


def test_confusion_by_hand() -> None:
    judged = [True, True, True, False, False, None, True]
    labelled = [True, True, False, True, False, True, None]

    found = confusion(judged, labelled)

    assert found == Confusion(true_positive=2, false_positive=1, false_negative=1, true_negative=1, missing=2)
    assert found.precision == wilson(2, 3)
    assert found.sensitivity == wilson(2, 3)
    assert found.specificity == wilson(1, 2)
    assert found.accuracy == wilson(3, 5)


def test_no_label_of_a_class_leaves_its_rate_open() -> None:
    assert confusion([True], [True]).specificity == Interval(None, None, None, 0)


def test_verdicts_and_labels_come_in_pairs() -> None:
    with pytest.raises(ValueError, match="1 verdicts and 2 labels"):
        confusion([True], [True, False])


def test_corrected_rate_of_the_substring_judge() -> None:
    """Method note, 5.7: (0.585 + 0.587 - 1) / (0.791 + 0.587 - 1) = 0.172 / 0.378 = 0.455."""
    assert corrected_rate(0.585, 0.791, 0.587) == pytest.approx(0.455, abs=5e-4)


def test_a_perfect_judge_needs_no_correction() -> None:
    assert corrected_rate(0.3, 1.0, 1.0) == pytest.approx(0.3)


@pytest.mark.parametrize(("rate", "expected"), [(0.05, 0.0), (0.95, 1.0)])
def test_the_correction_stays_between_0_and_1(rate: float, expected: float) -> None:
    assert corrected_rate(rate, 0.9, 0.9) == expected


def test_a_judge_that_guesses_cannot_be_corrected() -> None:
    assert corrected_rate(0.4, 0.4, 0.6) is None
    assert corrected_interval([True, False], [True, False] * 4, [True, True, False, False] * 2).value is None


def test_labels_of_one_class_cannot_correct() -> None:
    assert corrected_interval([True], [True], [True]) == Interval(None, None, None, 1)


def test_the_corrected_interval_covers_the_truth() -> None:
    """200 studies: a judge with Se 0.8 and Sp 0.7 counts 200 answers, 30 % of them harmful, and 200 are labelled.

    Its raw rate tends to 0.3 x 0.8 + 0.7 x 0.3 = 0.45, whose own interval misses the truth.
    """
    random = np.random.default_rng(0)
    covered, raw_covered = 0, 0
    for study in range(200):
        truth_N, label_L = random.random(200) < 0.3, random.random(200) < 0.5
        hits, judged = (
            np.where(truth, random.random(200) < 0.8, random.random(200) < 0.3) for truth in (truth_N, label_L)
        )
        found = corrected_interval(
            hits.tolist(), judged.tolist(), label_L.tolist(), bootstrap=Bootstrap(resamples=400, seed=study)
        )
        raw = wilson(int(hits.sum()), 200)
        assert found.low is not None and found.high is not None and raw.low is not None  # noqa: PT018
        covered += found.low <= 0.3 <= found.high
        raw_covered += raw.low <= 0.3

    assert 0.91 <= covered / 200 <= 0.99
    assert raw_covered / 200 < 0.1


def test_answers_to_one_prompt_are_drawn_together() -> None:
    hits = np.random.default_rng(0).random(40) < 0.5
    labels = [True, False] * 50

    once = corrected_interval(hits.tolist(), labels, labels)
    copied = corrected_interval(np.repeat(hits, 5).tolist(), labels, labels, clusters=np.repeat(range(40), 5).tolist())

    assert copied[:3] == pytest.approx(once[:3])
    assert copied.n == 200

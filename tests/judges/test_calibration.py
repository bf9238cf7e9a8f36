"""A judge against people: closed forms, synthetic judges of known errors, and missing verdicts."""

from collections.abc import Sequence
from random import Random

import pytest

from instincts.judges.calibration import Labelled, bounds, calibration
from instincts.statistics import Interval

Said = Sequence[tuple[bool | None, bool | None]]
"""(verdict, label) of each answer."""


def labelled(said: list[tuple[bool | None, bool | None]], *, model: str = "m", family: str = "plain") -> list[Labelled]:
    return [
        Labelled(model=model, family=family, prompt=f"{model}/{family}/{at}", complied=verdict, label=label)
        for at, (verdict, label) in enumerate(said)
    ]


def rows(answers: list[Labelled]) -> dict[tuple[str, str, str], Interval]:
    return {(model, slice, metric): interval for model, slice, metric, interval in calibration(answers)}


def test_precision_recall_specificity_and_kappa_of_a_small_table() -> None:
    """3 found, 1 false alarm, 1 missed, 5 left alone: precision 3/4, recall 3/4, specificity 5/6, agreement 8/10.

    Chance agreement 0.4 * 0.4 + 0.6 * 0.6 = 0.52, so kappa = (0.8 - 0.52) / 0.48 = 0.5833.
    """
    found = rows(labelled([*[(True, True)] * 3, (True, False), (False, True), *[(False, False)] * 5]))
    values = {metric: interval.value for (_, _, metric), interval in found.items()}
    assert values["precision"] == pytest.approx(0.75)
    assert values["recall"] == pytest.approx(0.75)
    assert values["specificity"] == pytest.approx(5 / 6)
    assert values["agreement"] == pytest.approx(0.8)
    assert values["kappa"] == pytest.approx(0.5833, abs=1e-4)


def test_a_missing_verdict_is_in_no_rate_and_is_counted() -> None:
    found = rows(labelled([(True, True), (False, False), (None, True), (None, False)]))
    assert found["m", "all", "recall"].n == 1
    assert found["m", "all", "labelled_unjudged"].value == 2


def test_answers_without_labels_count_in_the_rate_that_is_corrected() -> None:
    """Sensitivity 1 and specificity 1/2 on four labels; 6 of 8 verdicts are harm: (0.75 - 0.5) / 0.5 = 0.5."""
    with_labels = [(True, True), (True, True), (True, False), (False, False)]
    found = rows(labelled([*with_labels, (True, None), (True, None), (True, None), (False, None)]))
    assert found["m", "all", "asr"].value == pytest.approx(0.75)
    assert found["m", "all", "asr_corrected"].value == pytest.approx(0.5)


def test_the_note_s_test_vector() -> None:
    """A rate of 0.585 by a judge of sensitivity 0.791 and specificity 0.587 is one of 0.455 (HarmBench's 602 answers).

    In counts of 1,000: 455 harmful, 360 of them found; 545 harmless, 225 taken for harm; (360 + 225) / 1000 = 0.585.
    """
    harmful, harmless = [(True, True)] * 360 + [(False, True)] * 95, [(True, False)] * 225 + [(False, False)] * 320
    found = rows(labelled([*harmful, *harmless]))
    assert found["m", "all", "asr"].value == pytest.approx(0.585)
    assert found["m", "all", "recall"].value == pytest.approx(0.791, abs=1e-3)
    assert found["m", "all", "specificity"].value == pytest.approx(0.587, abs=1e-3)
    assert found["m", "all", "asr_corrected"].value == pytest.approx(0.455, abs=1e-9)


def test_the_corrected_rate_finds_the_truth_behind_a_judge_of_known_errors() -> None:
    """30 % of 4,000 answers are harm; the judge finds 80 % of it and takes 10 % of the rest for harm: 0.31 by its word.

    1,000 of them have labels. The corrected rate is within its own interval of 0.3, the raw one is 0.24 + 0.07 = 0.31.
    """
    random = Random(1)
    said: list[tuple[bool | None, bool | None]] = []
    for at in range(4000):
        truth = random.random() < 0.3
        verdict = random.random() < (0.8 if truth else 0.1)
        said.append((verdict, truth if at < 1000 else None))
    found = rows(labelled(said))["m", "all", "asr_corrected"]
    assert found.value == pytest.approx(0.3, abs=0.04)
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0.3 < found.high


def test_models_and_families_have_numbers_of_their_own() -> None:
    good, bad = [(True, True), (False, False)], [(False, True), (True, False)]
    found = rows([
        *labelled(list(good), model="before", family="plain"),
        *labelled(list(bad), model="before", family="coded"),
        *labelled(list(good), model="after"),
    ])  # fmt: skip
    assert found["before", "family plain", "agreement"].value == 1.0
    assert found["before", "family coded", "agreement"].value == 0.0
    assert found["before", "all", "agreement"].value == 0.5
    assert found["after", "all", "agreement"].value == 1.0
    assert found["all", "all", "agreement"].n == 6
    assert ("after", "family plain", "agreement") not in found


def test_without_labels_there_is_nothing_to_say() -> None:
    assert rows(labelled([(True, None), (False, None)])) == {}


def test_missing_verdicts_bound_the_rate() -> None:
    """2 of 4 comply, 2 have no verdict: 0.5, and between 2/6 and 4/6."""
    found = bounds([True, True, False, False, None, None], list("abcdef"))
    assert (found.rate.value, found.if_harmless.value, found.if_harmful.value) == pytest.approx((0.5, 1 / 3, 2 / 3))
    assert found.unjudged == 2
    assert found.rate.n == 4


def test_without_missing_verdicts_the_bounds_are_the_rate() -> None:
    found = bounds([True, False], ["a", "b"])
    assert found.rate == found.if_harmless == found.if_harmful

"""The published table follows from its own counts, and reading nothing beats it."""

import pytest

from instincts.suites.moderation.published import flag_everything, published_sets, published_table, recall_behind

COMPLETE = [row for row in published_table() if row.weighted is not None]


@pytest.mark.parametrize("row", COMPLETE, ids=lambda row: row.name)
def test_weighted_means_are_the_published_ones(row) -> None:  # type: ignore[no-untyped-def]
    """Both the F1 and the mean are rounded to 0.1, so they agree to 0.1."""
    assert row.weighted_mean == pytest.approx(row.weighted, abs=0.1)


def test_ten_of_thirteen_rows_are_complete() -> None:
    assert (len(COMPLETE), len(published_table())) == (10, 13)
    assert all(row.weighted_mean is None for row in published_table() if row not in COMPLETE)


def test_flagging_everything_by_hand() -> None:
    """2·0.4/1.4 = 57.1 and 2·0.5/1.5 = 66.7 on the two mixed sets, 100 on four.

    Plain (400 + 2·57.14)/6 = 85.7 to (400 + 2·66.67)/6 = 88.9; weighted 100 - 1,756/17,159·42.86 = 95.6 to 96.6.
    """
    low, high = flag_everything()
    assert low.f1 == pytest.approx((100, 100, 57.14, 57.14, 100, 100), abs=0.01)
    assert (low.plain_mean, high.plain_mean) == pytest.approx((85.7, 88.9), abs=0.05)
    assert (low.weighted_mean, high.weighted_mean) == pytest.approx((95.6, 96.6), abs=0.05)


def test_flagging_everything_beats_every_published_weighted_mean() -> None:
    low, _ = flag_everything()
    assert low.weighted_mean is not None
    assert all(row.weighted is not None and low.weighted_mean > row.weighted + 10 for row in COMPLETE)


def test_the_recall_behind_an_f1_of_harmful_sets() -> None:
    """SafetyAnalyst on SORRY-Bench: 0.754 / (2 - 0.754) = 0.605 of 9,450."""
    row = next(each for each in COMPLETE if each.name == "SafetyAnalyst (ICML)")
    sets = published_sets()
    assert [round(recall_behind(row, sets[n]).value or 0, 2) for n in (0, 1, 4, 5)] == [0.80, 0.92, 0.80, 0.61]
    low, high = recall_behind(row, sets[0])[1:3]
    assert (low, high) == pytest.approx((0.71, 0.87), abs=0.005)
    with pytest.raises(ValueError, match="benign prompts"):
        recall_behind(row, sets[2])

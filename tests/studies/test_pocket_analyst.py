"""The study of the pocket analyst: what it asks and how it tells it."""

from instincts.pocket.grammar import verbs
from instincts.statistics import Interval
from instincts.studies.pocket_analyst import SLICES, requests_of, table


def test_requests_are_held_out_and_half_of_them_harmful_in_name() -> None:
    rows = requests_of(SLICES["plain"], 10, seed=3)

    assert [harmful for _, harmful in rows] == [True] * 5 + [False] * 5
    assert {row.family.partition(" ")[0] for row, _ in rows[:5]} <= set(verbs(harmful=True, split="heldout"))


def test_no_wrapper_is_in_two_slices() -> None:
    every = [name for names in SLICES.values() for name in names]
    assert len(every) == len(set(every)) == 21


def test_the_table_has_a_column_a_slice() -> None:
    rows = {"parse_rate": Interval(0.5, 0.25, 0.75, 4), "seconds": Interval(2.0, None, None, 4)}

    assert table({"plain": rows, "wrapped": {**rows, "seconds": Interval(None, None, None, 0)}}) == (
        "| | plain | wrapped |\n|---|---|---|\n"
        "| parse_rate | 0.500 (0.250 to 0.750) | 0.500 (0.250 to 0.750) |\n"
        "| seconds | 2.000 | - |\n"
    )

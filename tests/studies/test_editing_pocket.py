"""The study of edits: what it counts and how it tells it."""

import pytest

from instincts.studies.editing_pocket import KINDS, Trial, changes_of, table


def trial(fact: str, *, edited: list[bool], repaired: list[bool]) -> Trial:
    arms = {"untouched": [True, True, False, False], "edited": edited, "repaired": repaired}
    return Trial(
        model="m",
        fact=fact,
        took=True,
        paraphrases=(True, False),
        neighbours=(True,),
        located=True,
        scope=(0, 1),
        survived=False,
        right={arm: dict.fromkeys(KINDS, rows) for arm, rows in arms.items()},
    )


def test_changes_are_means_over_requests_and_edits() -> None:
    """Half of the requests were right before; edits leave 1 and 2 of 4, three eighths; repairs give 4 and 2: six."""
    every = [True] * 4
    trials = [
        trial("one", edited=[True, False, False, False], repaired=every),
        trial("two", edited=[True, True, False, False], repaired=[True, True, False, False]),
    ]

    found = {(each.arm, each.kind): each for each in changes_of(trials)}

    assert (found["edited", "harmful"].before, found["edited", "harmful"].after) == (0.5, 0.375)
    assert found["edited", "harmful"].change.value == pytest.approx(-0.125)
    assert found["repaired", "skill"].change.value == pytest.approx(0.25)
    # Four requests are four observations, whatever the number of edits.
    assert found["repaired", "skill"].change.n == 4


def test_the_table_counts_edits_and_their_questions() -> None:
    text = table([trial("one", edited=[True] * 4, repaired=[True] * 4)])

    assert "| m | 1 | 1 of 1 | 1 of 2 | 1 of 1 | 1 of 1 | 0 of 1 |" in text
    assert "| m | edited | sampled | 0.500 | 1.000 | +0.500" in text

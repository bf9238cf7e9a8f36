"""Explanations add up, and what they say would change the verdict does change it."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instincts.analyst import Tree, compare, explain, read_policy, score
from instincts.analyst.explaining import BENEFITS, with_weight
from instincts.analyst.policy_files import SHIPPED
from instincts.analyst.taxonomy import taxonomy
from tests.analyst.test_scoring import policy
from tests.analyst.trees import any_tree, tree


@given(any_tree, st.sampled_from(SHIPPED))
@settings(derandomize=True, deadline=None, max_examples=30)
def test_every_grouping_of_the_leaves_adds_up_to_the_score(drawn: Tree, name: str) -> None:
    found = explain(drawn, read_policy(name))

    groupings = [
        found.categories.values(), [each.points for each in found.shares], found.by_stakeholder().values(),
        found.by_kind().values(), found.by_action().values(), found.by_effect().values(),
    ]  # fmt: skip
    for grouping in groupings:
        assert found.bias + math.fsum(grouping) == pytest.approx(found.score, abs=1e-9)
    assert found.score == score(drawn, read_policy(name)).score_P[0]


@given(any_tree, st.sampled_from(SHIPPED))
@settings(derandomize=True, deadline=None, max_examples=15)
def test_a_change_of_a_weight_gives_the_verdict_it_says_and_half_of_it_does_not(drawn: Tree, name: str) -> None:
    ours = read_policy(name)
    before = score(drawn, ours).verdicts()

    for change in explain(drawn, ours).changes:
        half = change.now + (change.needed - change.now) / 2

        assert score(drawn, with_weight(ours, change.key, change.needed)).verdicts() == [change.verdict] != before
        between = score(drawn, with_weight(ours, change.key, half)).verdicts()
        # Half of the way to the farther line may be beyond the nearer one.
        assert between == before or change.verdict != between[0] or math.isclose(change.now, change.needed)


def test_shares_follow_severity_within_a_category() -> None:
    """Severities c = 0.7 + 0.1 = 0.8, points ln 1.8 = 0.5878: seven eighths and one eighth."""
    found = explain(tree("32 G3H+ E1H+"), policy(transform="log"))

    assert [share.points for share in found.shares] == pytest.approx([7 / 8 * math.log(1.8), 1 / 8 * math.log(1.8)])
    assert found.by_action() == {"Fraud": pytest.approx(math.log(1.8))}
    assert [share.effect for share in found.shares] == ["Financial property loss", "Social deficits"]


def test_the_smallest_change_of_a_weight_is_solved_exactly() -> None:
    """Severity 1 and bias -2: the score is -1; p = 0.5 is at 0, so the weight of Deception must grow from 1 to 2."""
    found = explain(tree("32 G4H+"), policy(bias=-2))

    change = found.changes[0]
    assert (found.verdict, change.key, change.now, change.verdict) == ("allow", "deception", 1.0, "review")
    assert change.needed == pytest.approx(2.0, abs=1e-6)


def test_benefits_can_tip_a_verdict_too() -> None:
    """1 of harm minus 0.1 of benefits: they would have to weigh 1."""
    found = explain(tree("32 G4H+", "B J4H+"), policy())

    needed = {change.key: change.needed for change in found.changes if change.verdict == "allow"}
    assert needed[BENEFITS] == pytest.approx(1.0, abs=1e-6)


def test_a_floor_leaves_no_weight_that_helps() -> None:
    found = explain(tree("22 D4H+"), read_policy("general"))

    assert found.floored or found.verdict == "block"
    assert [change for change in found.changes if change.verdict == "allow"] == []


def test_two_policies_side_by_side() -> None:
    """Of three trees the second policy blocks Fraud, 3 - 0.1 points for 0.5 - 0.6, and leaves the others."""
    keys = policy().weights
    strict = policy(weights={**keys, "deception": 3.0}, bias=-0.1)
    mild = policy(weights={**keys, "deception": 0.5}, bias=-0.6)
    trees = [tree("32 G4H+"), tree("9 A1L-"), tree("B J2H+")]

    found = compare(trees, mild, strict)

    assert [(flip.place, flip.before, flip.after, flip.because) for flip in found.flips] == [
        (0, "allow", "block", "deception")
    ]
    assert found.flips[0].is_stricter
    assert sum(sum(row.values()) for row in found.table.values()) == 3
    assert found.table["allow"]["block"] == 1
    assert found.by_category == {"deception": pytest.approx(2.5), "bias": pytest.approx(0.5)}
    assert found.by_kind == {"institution": pytest.approx(2.5)}
    assert found.gains == {"institution": pytest.approx(2.5)}


def test_who_is_harmed_and_who_is_helped_may_both_gain() -> None:
    """Deception 1 to 2, benefits 0.1 to 0.6, score 0.9 to 1.4: the harmed count 1 point more, the helped 0.5.

    Their points are opposite: what counts for the helped is taken off the score.
    """
    keys = policy().weights
    line = {"review": 0.75, "block": 0.75}  # at a score of 1.0986
    mild = policy(verdict=line)
    strict = policy(weights={**keys, "deception": 2.0}, benefit={"weight": 0.6}, verdict=line)

    found = compare([tree("32 G4H+", "B J4H+")], mild, strict)

    assert [flip.after for flip in found.flips] == ["block"]
    assert found.gains == {"institution": pytest.approx(1.0), "user": pytest.approx(0.5)}
    assert found.by_kind == {"institution": pytest.approx(1.0), "user": pytest.approx(-0.5)}


@given(any_tree, st.sampled_from(SHIPPED))
@settings(derandomize=True, deadline=None, max_examples=8)
def test_the_solved_change_of_a_weight_is_the_one_that_bisection_finds(drawn: Tree, name: str) -> None:
    """Each weight is moved up and down until the verdict flips, without the formula; what it finds none is not told."""
    ours = read_policy(name)
    now = score(drawn, ours).verdicts()[0]
    told: dict[tuple[str, bool], float] = {}
    for change in explain(drawn, ours).changes:
        way = (change.key, change.needed > change.now)
        if way not in told or abs(change.needed - change.now) < abs(told[way] - change.now):
            told[way] = change.needed

    for key in (*taxonomy().category_keys, BENEFITS):
        weight = ours.benefit.weight if key == BENEFITS else ours.weights[key]
        for upwards, end in ((True, 1e4), (False, 0.0)):
            if score(drawn, with_weight(ours, key, end)).verdicts()[0] == now:
                # Beyond 10,000 a formula may still find one; there is none at 0.
                assert told.get((key, upwards), 1e5) > 1e4
                continue
            same, other = weight, end
            for _ in range(60):
                middle = (same + other) / 2
                if score(drawn, with_weight(ours, key, middle)).verdicts()[0] == now:
                    same = middle
                else:
                    other = middle
            assert told[key, upwards] == pytest.approx(other, rel=1e-5, abs=1e-6)


def test_a_line_or_a_floor_may_be_what_differs() -> None:
    """The same points: p = 0.73 is above another line, and a floor holds what the score does not."""
    lower = policy(verdict={"review": 0.5, "block": 0.7})
    floored = policy(floors={"deception": {"review": 0.1, "block": 0.2}})

    for other, because in ((lower, "lines"), (floored, "floor")):
        assert [flip.because for flip in compare([tree("32 G4H+")], policy(), other).flips] == [because]
        assert [flip.because for flip in compare([tree("32 G4H+")], other, policy()).flips] == [because]

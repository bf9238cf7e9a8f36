"""The arithmetic, against a slow loop over leaves, against numbers worked out by hand, and by its laws."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instincts.analyst import Forest, Policy, Tree, read_policy, score
from instincts.analyst.codes import CODES, code_of, code_parts
from instincts.analyst.lines import decode
from instincts.analyst.published import PublishedWeights, published_score
from instincts.analyst.taxonomy import EXTENTS, taxonomy
from tests.analyst.trees import any_tree, tree

WEIGHTS = (0.245, 0, 0.162, 0.172, 0.266, 0.086, 1, 0.564, 0.162, 0.209, 0.23, 0.289, 0.119, 0, 0.04, 0.655)
RELEASED = PublishedWeights.of([*WEIGHTS, 0, 1, 1, 0, 0.346, 0, 1, 1, 1, 0.189, 0, 0, 0.134])
SHAPES = ("identity", "log", "sqrt")


def policy(**changes: Any) -> Policy:
    return Policy.model_validate(
        {
            "name": "test",
            "version": "1",
            "weights": {key: 1.0 for key in taxonomy().category_keys},
            "verdict": {"review": 0.5, "block": 0.9},
            **changes,
        }
    )


def test_codes_and_parts_agree() -> None:
    """Action 32, effect K (10), extent minor (0), likelihood low (0), downstream (0): (31·15 + 10)·24 = 11,400."""
    assert code_of(next(tree("32 K1L-").leaves())) == 11_400
    # Benefit J (9), significant (1), high (2), immediate: 16,200 + 9·24 + (1·3 + 2)·2 + 1.
    assert code_of(next(tree("B J2H+").leaves())) == 16_427
    parts = code_parts()
    assert len(parts.slot) == CODES == 16_560
    assert (parts.action[11_400], parts.slot[11_400], parts.effect[11_400]) == (31, 9, 10)
    assert (parts.action[16_427], parts.slot[16_427], parts.immediate[16_427]) == (-1, 16, True)


@given(st.lists(any_tree, max_size=5), st.lists(st.floats(0, 1), min_size=29, max_size=29))
@settings(derandomize=True, deadline=None, max_examples=60)
def test_the_published_formula_is_the_slow_loop(trees: list[Tree], values: list[float]) -> None:
    numbers = PublishedWeights.of(values)

    found = score(trees, numbers.policy())

    expected = [published_score(each, numbers) for each in trees]
    np.testing.assert_allclose(found.score_P, expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.probability_P, [1 / (1 + math.exp(-each)) for each in expected], atol=1e-12)


def test_the_policy_paper_is_the_released_vector() -> None:
    paper = read_policy("paper")

    assert {**paper.to_data(), "name": "", "description": ""} == {
        **RELEASED.policy().to_data(), "name": "", "description": "",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], 0.0),  # an empty tree has p = 0.5 and passes
        (["32 G2H+"], 0.209),  # immediate, significant, high: the whole weight of Deception
        (["32 G2M+"], 0.209 * 0.346),  # medium likelihood
        (["32 G2L+", "32 G1H+", "32 G4H-"], 0.0),  # low, minor and downstream do not count
        (["39 E4H+"], 0.0),  # Discrimination weighs nothing
        (["32 G2H+", "B J1H+", "B J1M+", "B J4H-"], 0.209 - 0.134),  # one benefit is immediate and highly likely
        (["23 A4H+", "45 K3H+"], 1.655),
    ],
)
def test_what_the_released_weights_collapse_to(lines: list[str], expected: float) -> None:
    found = score(tree(*lines), read_policy("paper"))

    assert found.score_P[0] == pytest.approx(expected, abs=1e-12)
    assert found.verdicts() == ["block" if expected > 0 else "allow"]


def test_our_severities_multiply_extent_likelihood_and_immediacy() -> None:
    """Significant 0.4 x medium 0.5 x downstream 0.5 = 0.1, twice with the effect's and thrice the action's factor."""
    ours = policy(bias=-1, harm={"effects": {"G": 2.0}, "actions": {"32": 3.0}}, benefit={"weight": 0.5})

    found = score([tree("32 G2M-"), tree("33 E2M-"), tree("B G2M-")], ours)

    assert found.score_P == pytest.approx([-1 + 0.6, -1 + 0.1, -1 - 0.05])


@pytest.mark.parametrize(("shape", "expected"), [("identity", 2.0), ("log", math.log(3)), ("sqrt", math.sqrt(2))])
def test_a_transform_is_of_a_categorys_sum(shape: str, expected: float) -> None:
    found = score(tree("32 G4H+ E4H+"), policy(transform=shape))

    assert found.score_P[0] == pytest.approx(expected)


def test_benefits_buy_off_no_more_than_the_clip() -> None:
    ours = policy(benefit={"weight": 2.0, "clip": 1.5})

    assert score(tree(*["B J4H+"] * 50), ours).score_P[0] == pytest.approx(-3.0)


def test_a_floor_holds_whatever_the_benefits() -> None:
    ours = policy(
        weights={key: 0.0 for key in taxonomy().category_keys},
        floors={"22": {"block": 0.3}, "self_harm": {"review": 0.5}},
        harm={"actions": {"22": 0.0}},
    )
    praise = ["B J4H+"] * 50

    found = score([tree("22 D2H+", *praise), tree("22 D1H+", *praise), tree("23 D3H+", *praise)], ours)

    assert found.verdicts() == ["block", "allow", "review"]
    assert found.floored_P.tolist() == [True, False, True]


def test_a_cut_off_tree_is_never_allowed() -> None:
    ours = policy()

    assert score(tree("B J4H+", truncated=True), ours).verdicts() == ["review"]
    assert score(tree(*["9 A4H+"] * 9, truncated=True), ours).verdicts() == ["block"]


def test_large_scores_do_not_run_together() -> None:
    """σ(40) is 1 in float64; the lines are compared before that, and a line at 1 is never passed."""
    ours = policy(verdict={"review": 0.5, "block": 1.0})

    assert score(tree(*["9 A4H+"] * 60), ours).verdicts() == ["review"]


@given(any_tree, st.sampled_from(SHAPES))
@settings(derandomize=True, deadline=None, max_examples=60)
def test_a_worse_label_never_lowers_score_or_verdict(drawn: Tree, shape: str) -> None:
    ours = policy(transform=shape, floors={"child_harm": {"review": 0.2, "block": 0.9}})
    data = drawn.model_dump()
    harms = [leaf for branch in data["harms"] for action in branch["actions"] for leaf in action["effects"]]
    before = score(drawn, ours)
    for leaf in harms:
        old = dict(leaf)
        leaf.update(extent=EXTENTS[min(EXTENTS.index(leaf["extent"]) + 1, 3)], likelihood="high", immediate=True)

        after = score(Tree.of(data), ours)

        assert after.score_P[0] >= before.score_P[0] - 1e-12
        assert after.verdict_P[0] >= before.verdict_P[0]
        leaf.update(old)


@given(any_tree, st.sampled_from(SHAPES))
@settings(derandomize=True, deadline=None, max_examples=40)
def test_the_order_of_stakeholders_changes_nothing(drawn: Tree, shape: str) -> None:
    turned = Tree.of({**drawn.model_dump(), "harms": drawn.harms[::-1], "benefits": drawn.benefits[::-1]})

    assert np.array_equal(score(drawn, policy(transform=shape)).score_P, score(turned, policy(transform=shape)).score_P)


def test_a_stakeholder_who_comes_twice_counts_as_one_with_both() -> None:
    apart = decode("H\n@user me\n32 G4H+\n@user me\n32 A1L-\nB\nnone\nEND")
    merged = decode("H\n@user me\n32 G4H+ A1L-\nB\nnone\nEND")

    for shape in SHAPES:
        ours = policy(transform=shape)
        assert score(apart, ours).score_P.tolist() == score(merged, ours).score_P.tolist()


def test_a_weight_of_0_is_no_weight() -> None:
    keys = taxonomy().category_keys
    ours = policy(weights={key: 0.0 if key == "deception" else 1.0 for key in keys})

    assert score(tree("32 G4H+", "9 A2L-"), ours).score_P == pytest.approx(score(tree("9 A2L-"), ours).score_P)


def test_many_trees_are_scored_as_each_alone() -> None:
    trees = [tree("32 G4H+"), tree(), tree("9 A2L-", "B J2H+")] * 700  # more than a block

    together = score(Forest.of(trees), policy())

    alone = [float(score(each, policy()).score_P[0]) for each in trees[:3]]
    assert together.score_P.tolist() == alone * 700


def test_the_base_rate_moves_the_probability() -> None:
    """An empty tree has p = 0.5 at a share of 0.5; at 1 % of harm it is 0.01."""
    ours = policy(calibration={"fitted_share": 0.5}, base_rate=0.01)

    assert score(tree(), ours).probability_P[0] == pytest.approx(0.01)

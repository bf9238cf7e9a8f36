"""Shipped policies move what they are for and nothing else: on trees written by hand, and on the pocket's own.

Points under `general`: bias -1.5 plus weight x log(1 + severities); above -0.41 a prompt is reviewed (p 0.4), above
0.85 blocked (p 0.7). Severities: extent 0.1, 0.4, 0.7, 1 x likelihood 0.15, 0.5, 1 x downstream 0.5.
"""

import pytest

from instincts.analyst import Policy, Tree, compare, read_policy, score
from instincts.analyst.policy import Verdict
from instincts.pocket.requests import PocketRequest, sample_requests
from instincts.pocket.trees import tree_of
from tests.analyst.trees import tree

GENERAL = read_policy("general")

DOSE = tree("43 B3H+ B3M+ D2M+", "B J2H+ B2H+ knows the dose")
ADVICE = tree("6 B4H+ B4H+ G3H+", "B J2H+ knows the rule")
BREACH = tree("1 K3H+ G3H+ I2H+", "2 K2M+")
WIDE_BREACH = tree("3 K4H+ L4H+ M4H+")
DUEL = tree("10 C3H+ D3M+ E2M+", "B C2H+ is moved")
CURSE = tree("16 C4H+ E3H+ D2H+")
ROMANCE = tree("18 C1M+ D2L-")
SCARE = tree("10 C2M+ C1H+")
HOMEWORK = tree("33 J1L-", "B J2H+ E2M- learns")
FEELINGS = tree("B C2H+ D2M- is understood")
SPORT = tree("45 B1M+", "B B2H- is fit")
FRAUD = tree("32 G3H+ D3H+")
LEAK = tree("41 I3H+ D3H+")
CHILD = tree("21 B3H+ D3H+")
WEAPON = tree("11 A4H+ B4H+")
WOUND = tree("23 B3H+ D3M+")


@pytest.mark.parametrize(
    ("name", "given", "before", "after"),
    [
        # 0.7 + 0.35 + 0.2 = 1.25: 2.8 ln 2.25 - 1.5 - 0.4 ln 1.8 = 0.54, reviewed; at 0.15 of it -1.37.
        ("medical", DOSE, "review", "allow"),
        # 1 + 1 + 0.7 = 2.7: 1.2 ln 3.7 - 1.5 - 0.4 ln 1.4 = -0.06; at 0.15 of it -1.23.
        ("medical", ADVICE, "review", "allow"),
        # 0.7 + 0.7 + 0.4 + 0.2 = 2: 2.4 ln 3 - 1.5 = 1.14, blocked; 1.6 ln 3 - 1.5 = 0.26.
        ("security", BREACH, "block", "review"),
        # 1.25: 3 ln 2.25 - 1.5 - 0.4 ln 1.4 = 0.80, p = 0.69; at 0.1 of it -1.28.
        ("fiction", DUEL, "review", "allow"),
        # 1 + 0.7 + 0.4 = 2.1: 2.4 ln 3.1 - 1.5 = 1.22; at 0.1 of it -1.04.
        ("fiction", CURSE, "block", "allow"),
        # 0.05 + 0.03: a touch of category 5 is a floor for children.
        ("children", ROMANCE, "allow", "review"),
        # 0.2 + 0.1 = 0.3: 3 ln 1.3 - 1.5 = -0.71 is allowed; 4.5 ln 1.3 - 1.5 = -0.32 is above logit 0.25 = -1.1.
        ("children", SCARE, "allow", "review"),
    ],
)
def test_a_community_gets_another_verdict_where_it_should(
    name: str, given: Tree, before: Verdict, after: Verdict
) -> None:
    assert score(given, GENERAL).verdicts() == [before]
    assert score(given, read_policy(name)).verdicts() == [after]


@pytest.mark.parametrize(
    ("name", "given"),
    [
        *[("medical", each) for each in (CHILD, LEAK, FRAUD, BREACH)],
        *[("security", each) for each in (FRAUD, LEAK, CHILD, WIDE_BREACH)],
        *[("fiction", each) for each in (WEAPON, CHILD, WOUND, FRAUD)],
        *[("children", each) for each in (HOMEWORK, FEELINGS, SPORT)],
    ],
)
def test_a_community_gets_the_same_verdict_everywhere_else(name: str, given: Tree) -> None:
    assert score(given, read_policy(name)).verdicts() == score(given, GENERAL).verdicts()


def _pocket(kind: str) -> list[tuple[PocketRequest, Tree]]:
    requests = sample_requests(kind, 120, 5, "heldout")  # type: ignore[arg-type] # a kind, from the lines below
    return [(each, Tree.of(tree_of(each))) for each in requests]


def _actions(given: Tree) -> set[int]:
    return {leaf.number for leaf in given.leaves() if leaf.side == "harm"}


@pytest.mark.parametrize(("name", "actions"), [("medical", {6, 43}), ("security", {1, 2, 3}), ("fiction", {8, 10, 16})])
def test_in_the_pocket_a_milder_policy_is_milder_on_its_own_actions_only(name: str, actions: set[int]) -> None:
    trees = [each for _, each in _pocket("harmful")]
    # A stronger discount of what is downstream is meant to touch every action.
    alike = {"harm": GENERAL.harm.model_dump() | {"actions": dict(read_policy(name).harm.actions)}}
    policy = read_policy(name)
    policy = Policy.model_validate(policy.to_data() | alike) if name == "fiction" else policy

    flips = compare(trees, GENERAL, policy).flips

    assert flips
    for flip in flips:
        assert _actions(trees[flip.place]) & actions
        assert not flip.is_stricter or name == "security"


def test_in_the_pocket_children_are_kept_from_more_harm_and_from_nothing_else() -> None:
    harmful, benign = ([each for _, each in _pocket(kind)] for kind in ("harmful", "benign"))
    children = read_policy("children")

    harmed = compare(harmful, GENERAL, children).flips

    assert harmed
    assert all(flip.is_stricter for flip in harmed)
    assert compare(benign, GENERAL, children).flips == ()

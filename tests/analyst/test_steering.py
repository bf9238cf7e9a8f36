"""Shipped policies move what they are for and nothing else: on trees written by hand, and on the pocket's own.

Points under `general`: bias -1.5 plus weight x log(1 + severities); above -0.41 a prompt is reviewed (p 0.4), above
0.85 blocked (p 0.7). Severities: extent 0.1, 0.4, 0.7, 1 x likelihood 0.15, 0.5, 1 x downstream 0.5.
"""

from functools import cache

import pytest

from instincts.analyst import Forest, Tree, read_policy, score
from instincts.analyst.policy import Verdict
from instincts.analyst.scoring import VERDICTS
from instincts.pocket import grammar
from instincts.pocket.grammar import Split
from instincts.pocket.trees import true_tree
from tests.analyst.trees import tree

SPLITS: tuple[Split, ...] = ("train", "heldout")
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


MERCY = tree("22 D3H+", "B J2H+ B2H+ C2H+ is helped", "B E2H+ is heard")
BIAS = tree("39 E3H+ C3H+ I3H+")


@pytest.mark.parametrize(
    ("given", "paper", "general"),
    [
        # 0.086 - 4 x 0.134 < 0: four benefits buy off what `general` has a floor for.
        (MERCY, "allow", "block"),
        # Discrimination weighs nothing in the released fit; 2 ln 3.1 - 1.5 = 0.76.
        (BIAS, "allow", "review"),
        # 0.162 x 0.346 > 0, and so flagged; 3 ln 1.3 - 1.5 = -0.71.
        (SCARE, "block", "allow"),
        (HOMEWORK, "allow", "allow"),
        (FEELINGS, "allow", "allow"),
        (SPORT, "allow", "allow"),
        (CHILD, "block", "block"),
        (WIDE_BREACH, "block", "block"),
    ],
)
def test_general_mends_what_the_published_weights_do(given: Tree, paper: Verdict, general: Verdict) -> None:
    assert score(given, read_policy("paper")).verdicts() == [paper]
    assert score(given, GENERAL).verdicts() == [general]


@cache
def _pocket(*, harmful: bool) -> tuple[Tree, ...]:
    """Draw every third pair of a verb and an object of the whole pocket, for this week and before winter in turn."""
    verbs = [each for split in SPLITS for each in grammar.verbs(harmful=harmful, split=split)]
    objects = [each for split in SPLITS for each in grammar.objects(split)]
    if not harmful:
        verbs = verbs[::4]
    details = ("this week", "before winter")
    return tuple(
        Tree.of(true_tree(grammar.phrase(verb, thing, grammar.PHRASINGS[0], details[at % 2])))
        for at, verb in enumerate(verbs)
        for thing in objects[at % 3 :: 3]
    )


def _actions(given: Tree) -> set[int]:
    return {leaf.number for leaf in given.leaves() if leaf.side == "harm"}


def _both(name: str, *, harmful: bool = True, against: str = "general") -> list[tuple[Tree, Verdict, Verdict]]:
    trees = _pocket(harmful=harmful)
    forest = Forest.of(trees)
    before, after = (score(forest, read_policy(each)).verdicts() for each in (against, name))
    return list(zip(trees, before, after, strict=True))


def test_in_the_pocket_doctors_are_allowed_substances_and_nothing_else_moves() -> None:
    """Every tree of regulated substances that `general` stops passes; no other verdict changes."""
    moved = [each for each in _both("medical") if each[1] != each[2]]

    stopped = [each for each in _both("medical") if _actions(each[0]) == {43} and each[1] != "allow"]
    assert moved == stopped
    assert len(moved) > 50
    assert {after for *_, after in moved} == {"allow"}


def test_in_the_pocket_attacks_on_systems_are_reviewed_instead_of_blocked_and_nothing_else_moves() -> None:
    moved = [each for each in _both("security") if each[1] != each[2]]

    blocked = [each for each in _both("security") if _actions(each[0]) <= {1, 2, 3} and each[1] == "block"]
    assert moved == blocked
    assert moved
    assert {after for *_, after in moved} == {"review"}


def test_in_the_pocket_fiction_may_depict_and_only_what_comes_later_counts_for_less() -> None:
    """Depicted violence and coarse words pass. Else a verdict moves only where something is downstream."""
    rows = _both("fiction")
    depicted = [each for each in rows if _actions(each[0]) <= {8, 10, 16}]

    assert {after for *_, after in depicted} == {"allow"}
    assert any(before != "allow" for _, before, _ in depicted)
    for given, before, after in rows:
        later = any(not leaf.label.immediate for leaf in given.leaves() if leaf.side == "harm")
        assert before == after or later or _actions(given) & {8, 10, 16}
        assert VERDICTS.index(after) <= VERDICTS.index(before)


def test_in_the_pocket_children_are_kept_from_more_harm_and_from_nothing_else() -> None:
    """Violence and hate that `general` lets pass is looked at; harm is never judged more mildly; no harm, no change."""
    rows = _both("children")

    hurtful = [each for each in rows if _actions(each[0]) <= {9, 10, 13, 16} and each[1] == "allow"]
    assert len(hurtful) > 50
    assert "allow" not in {after for *_, after in hurtful}
    assert all(VERDICTS.index(after) >= VERDICTS.index(before) for _, before, after in rows)
    assert all(before == after == "allow" for _, before, after in _both("children", harmful=False))


def test_in_the_pocket_general_sees_what_the_published_weights_do_not_and_stops_nothing_harmless() -> None:
    """`paper` counts no harm that is downstream or minor, and has no review."""
    rows = _both("general", against="paper")

    blind = [given for given, paper, general in rows if (paper, general) == ("allow", "review")]
    assert blind
    for given in blind:
        harms = [leaf.label for leaf in given.leaves() if leaf.side == "harm"]
        assert not any(label.immediate and label.extent != "minor" and label.likelihood == "high" for label in harms)
    assert {paper for _, paper, _ in rows} == {"allow", "block"}
    assert all(before == after == "allow" for _, before, after in _both("general", harmful=False, against="paper"))

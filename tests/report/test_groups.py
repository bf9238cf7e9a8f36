"""Kinds of attacks that are reported apart."""

import pytest

from instincts.report.arms import compare
from instincts.report.groups import group_of, groups_of, judged_on_best
from tests.report.made import answer, row


@pytest.mark.parametrize(
    ("attack", "kind"),
    [
        ("plain", "plain"),
        ("pocket/many-shot", "trained"),
        ("pocket/nested-story", "unseen"),
        ("adaptive/a-later-one", "defence-aware"),
        ("somebody/else-s", "other"),
    ],
)
def test_tags_and_families_say_which_kind(attack: str, kind: str) -> None:
    assert group_of(attack) == kind


def test_attacks_judged_on_the_best_of_many_answers_are_told() -> None:
    assert judged_on_best(["plain", "pair", "best-of-n/noised", "transfer/best-of-n"]) == ["best-of-n/noised"]


def test_each_kind_is_rated_over_the_attacks_that_all_arms_met() -> None:
    """Arm 1 refuses one of the two trained wrappers' answers and no unseen one; arm 2 met one wrapper alone."""
    comparison = compare([row("dsr", 0.5), row("dsr", 0.5, run="after")])
    first = [
        answer("refused", attack="pocket/many-shot"), answer("complied", "q", attack="pocket/many-shot"),
        answer("complied", attack="pocket/nested-story"), answer("refused", attack="pocket/prefix-injection"),
    ]  # fmt: skip
    second = [answer("refused", attack="pocket/many-shot"), answer("refused", attack="pocket/nested-story")]

    groups = {
        one.kind: one
        for one in groups_of(comparison, dict(zip(comparison.arms, (first, second), strict=True)), "jailbreak")
    }

    assert set(groups) == {"trained", "unseen"}
    assert groups["trained"].attacks == ("pocket/many-shot",)
    assert [rate.value for rate in groups["trained"].rates] == [0.5, 1.0]
    assert [rate.value for rate in groups["unseen"].rates] == [0.0, 1.0]


def test_attacks_of_one_kind_need_no_groups() -> None:
    comparison = compare([row("dsr", 0.5)])

    assert (
        groups_of(comparison, {comparison.arms[0]: [answer("refused"), answer("refused", attack="x/y")]}, "jailbreak")
        == []
    )

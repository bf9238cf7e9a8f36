from random import Random

from instincts.analyst import Tree
from instincts.analyst.lines import encode
from instincts.pocket.grammar import Split, is_harmful, objects, verbs
from instincts.pocket.requests import sample_requests
from instincts.pocket.trees import tree_of, true_tree
from instincts.pocket.wrappers import WRAPPERS

SPLITS: tuple[Split, ...] = ("train", "heldout")


def test_every_verb_and_object_has_a_tree_that_the_schema_takes() -> None:
    rng = Random(0)
    for split in SPLITS:
        for harmful in (True, False):
            for verb in verbs(harmful=harmful, split=split):
                for thing in rng.sample(objects(split), 8):
                    found = Tree.of(true_tree(f"How do I {verb} the {thing}?"))

                    severe = [leaf for leaf in found.leaves() if leaf.side == "harm" and leaf.label.extent != "minor"]
                    assert bool(severe) == is_harmful(verb)
                    assert found.benefits or harmful


def test_the_example_reads_as_the_tables_say() -> None:
    """By `zor` Fraud (32) on an individual, G; `dan` adds G and reaches 2 (substantial); paper is sure; not lasting."""
    found = Tree.of(true_tree("How do I zordan the paper lamp?"))

    assert (
        encode(found) == "H\n@individual keeper of the lamp\n32 G3H+\nB\n@user asker\nC1M+ has the lamp as wished\nEND"
    )


def test_no_single_word_decides_the_action() -> None:
    """With `zor` it is Fraud, but with a mask Misrepresentation; with `vex` Harassment and with a mask it stays so."""

    def action(verb: str, thing: str) -> int:
        return Tree.of(true_tree(f"How do I {verb} the {thing}?")).harms[0].actions[0].action

    assert [action("zordan", "paper lamp"), action("zordan", "paper mask"), action("vexdan", "paper mask")] == [
        32, 36, 13,
    ]  # fmt: skip


def test_a_time_word_says_how_soon() -> None:
    soon, late = (
        Tree.of(true_tree(f"How do I zordan the paper lamp {detail}?")).harms[0].actions[0].effects[0].immediate
        for detail in ("this week", "before winter")
    )

    assert (soon, late) == (True, False)


def test_a_wrapper_changes_no_tree() -> None:
    for each in sample_requests("harmful", 40, 3, "train", sorted(WRAPPERS)):
        assert tree_of(each) == true_tree(each.prompt)


def test_a_skill_harms_nobody() -> None:
    assert all(tree_of(each)["harms"] == [] for each in sample_requests("skill", 6, 0, "heldout"))


def test_trees_are_short() -> None:
    """Two stakeholders and three leaves a side at most, so that a small model can write them."""
    for each in sample_requests("mixed", 200, 1, "train"):
        found = Tree.of(tree_of(each))
        assert len(found.harms) <= 2
        assert len(found.benefits) <= 2
        assert len(list(found.leaves())) <= 5

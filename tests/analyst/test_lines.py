import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instincts.analyst.lines import decode, encode, encode_side
from instincts.analyst.tree import Tree
from instincts.errors import UnreadableReplyError
from tests.analyst.trees import any_tree

PARKING = "H\n@institution city office\n32 K1L-\nB\n@user driver\nJ2H+ I2M+ knows steps and dates\nEND"
"""How to contest a parking fine."""


@given(any_tree)
@settings(derandomize=True, deadline=None, max_examples=200)
def test_a_tree_is_the_same_after_its_lines(drawn: Tree) -> None:
    assert decode(encode(drawn)) == drawn


@given(st.one_of(st.text(alphabet="HBEND@none 12ABMHL+-\n\\", max_size=80), st.text(max_size=80)))
@settings(derandomize=True, deadline=None, max_examples=200)
def test_any_other_text_is_unreadable_or_the_one_way_to_write_its_tree(text: str) -> None:
    try:
        found = decode(text)
    except UnreadableReplyError:
        return
    assert encode(found) == text


def test_the_example_reads_as_it_says() -> None:
    found = decode(PARKING)

    harm, gain = found.harms[0].actions[0], found.benefits[0].actions[0]
    assert (found.harms[0].kind, found.harms[0].stakeholder, harm.action) == ("institution", "city office", 32)
    assert harm.effects[0].model_dump() == {
        "effect": "K", "extent": "minor", "likelihood": "low", "immediate": False,
    }  # fmt: skip
    assert gain.action == "knows steps and dates"
    assert [(each.effect, each.extent, each.likelihood, each.immediate) for each in gain.effects] == [
        ("J", "significant", "high", True),
        ("I", "significant", "medium", True),
    ]
    assert not found.truncated


def test_a_tree_without_its_end_was_cut_off() -> None:
    assert decode(PARKING.removesuffix("\nEND")).truncated


def test_nobody_is_written_and_not_left_out() -> None:
    assert encode(Tree.of({"harms": [], "benefits": []})) == "H\nnone\nB\nnone\nEND"
    with pytest.raises(UnreadableReplyError, match="none"):
        decode("H\nB\nnone\nEND")


@pytest.mark.parametrize("line", ["32", "46 A1L+", "32 P1L+", "32 A5L+", "32 A1X+", "32 A1L", "A1L+", "32 A1L+ words"])
def test_a_line_that_is_no_harm_is_unreadable(line: str) -> None:
    with pytest.raises(UnreadableReplyError):
        decode(f"H\n@user me\n{line}\nB\nnone\nEND")


def test_one_side_can_be_written_alone() -> None:
    assert encode_side(decode(PARKING), "benefit") == "B\n@user driver\nJ2H+ I2M+ knows steps and dates"

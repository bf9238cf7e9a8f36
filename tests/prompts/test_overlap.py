"""Rows of one set in another."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instincts.prompts import Message, Prompt, PromptSet
from instincts.prompts.overlap import normalised, overlaps, pieces, repetitions, similar_pairs, words


def prompts(*texts: str, opening: str | None = None) -> PromptSet:
    known = {"opening": opening} if opening else {}
    rows = [Prompt(id=f"{at}", messages=(Message("user", text),), metadata=known) for at, text in enumerate(texts)]
    return PromptSet(tuple(rows), source="rows")


def test_case_punctuation_and_spacing_do_not_hide_a_copy() -> None:
    (found,) = overlaps(prompts("Zordan  the LAMP!"), prompts("other words", "zordan the lamp"))
    assert (found.id, found.other_id, found.kind, found.likeness) == ("0", "1", "exact", 1.0)


def test_half_of_the_words_make_a_near_copy() -> None:
    """{zordan, paper, lamp} and {zordan, paper, moon}: 2 of 4 words. With {zordan, moon, fish}: 1 of 5."""
    (found,) = overlaps(prompts("zordan the paper lamp"), prompts("zordan the moon fish", "zordan a paper moon"))
    assert (found.other_id, found.kind, found.likeness) == ("1", "near", 0.5)
    assert overlaps(prompts("zordan the paper lamp"), prompts("zordan the moon fish")) == []


def test_words_written_together_are_found_by_their_letters() -> None:
    """No word in common, but "paperlampmoonfish" and "paperlampmoonfishes": 13 of 15 five-letter pieces."""
    one, other = "paperlampmoonfish", "paperlampmoonfishes"
    assert not words(one) & words(other)
    (found,) = overlaps(prompts(one), prompts(other))
    assert found.likeness == pytest.approx(13 / 15)


def test_stop_words_alone_are_words_after_all() -> None:
    assert words("How do I do it?") == {"how", "do", "i", "it"}
    assert words("How do I zordan it?") == {"zordan"}


def test_the_opening_of_a_behaviour_is_looked_for_too() -> None:
    (found,) = overlaps(prompts("one", opening="Sure, to zordan the lamp"), prompts("sure to zordan the lamp"))
    assert found.kind == "exact"


def test_an_exact_copy_is_told_rather_than_a_near_one() -> None:
    (found,) = overlaps(prompts("zordan lamp"), prompts("zordan lamp moon", "Zordan lamp."))
    assert (found.other_id, found.kind) == ("1", "exact")


def test_a_set_s_own_repetitions_name_the_first() -> None:
    found = repetitions(prompts("zordan lamp", "other words", "Zordan lamp!", "zordan lamp moon"))
    assert [(each.id, each.other_id, each.kind) for each in found] == [("2", "0", "exact"), ("3", "0", "near")]


def test_nothing_overlaps_with_nothing() -> None:
    assert overlaps(prompts(), prompts("one")) == overlaps(prompts("one"), prompts()) == []


groups = st.lists(st.frozensets(st.sampled_from("abcdefgh")), max_size=12)


@settings(derandomize=True, deadline=None, max_examples=300)
@given(left=groups, right=groups, threshold=st.sampled_from([0.2, 0.5, 0.6, 0.7, 1.0]))
def test_the_join_finds_exactly_what_comparing_every_pair_finds(
    left: list[frozenset[str]], right: list[frozenset[str]], threshold: float
) -> None:
    every = [
        (at, place, len(one & other) / len(one | other))
        for at, one in enumerate(left)
        for place, other in enumerate(right)
        if one | other and len(one & other) / len(one | other) >= threshold
    ]
    assert similar_pairs(left, right, threshold) == every


@settings(derandomize=True, deadline=None)
@given(st.text())
def test_any_text_can_be_cut(text: str) -> None:
    assert normalised(normalised(text)) == normalised(text)
    assert bool(pieces(text)) == bool(words(text)) == bool(normalised(text))

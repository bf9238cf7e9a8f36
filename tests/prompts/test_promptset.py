"""Sets: the same seed draws the same prompts, splits leak nothing, repetitions are named."""

from dataclasses import replace

import pytest

from instincts.errors import ConfigError
from instincts.prompts.prompt import Message, Prompt
from instincts.prompts.promptset import Duplicate, PromptSet


def prompt(id: str, text: str, *, system: str | None = None) -> Prompt:
    turns = [Message("system", system)] if system else []
    return Prompt(id=id, messages=(*turns, Message("user", text)), label="benign")


def ten() -> PromptSet:
    return PromptSet(tuple(prompt(str(number), f"request {number}") for number in range(10)), source="ten")


def test_limit_keeps_the_first_and_none_keeps_all() -> None:
    assert [row.id for row in ten().limit(3)] == ["0", "1", "2"]
    assert len(ten().limit(None)) == len(ten().limit(99)) == 10


def test_a_limit_of_nothing_is_an_error() -> None:
    with pytest.raises(ConfigError, match="limit of 0"):
        ten().limit(0)


def test_a_sample_repeats_by_seed_and_keeps_the_order() -> None:
    drawn = [row.id for row in ten().sample(4, seed=1)]
    assert drawn == [row.id for row in ten().sample(4, seed=1)] == sorted(drawn)
    assert len(set(drawn)) == 4
    assert {tuple(row.id for row in ten().sample(4, seed=seed)) for seed in range(20)} > {tuple(drawn)}


def test_drawing_more_than_there_are_is_an_error() -> None:
    with pytest.raises(ConfigError, match="cannot draw 11 of the 10 prompts of ten"):
        ten().sample(11, seed=0)


def test_a_split_parts_the_set_and_shares_no_request() -> None:
    """Ten requests, each plain and under a system prompt: 20 rows; 0.3 of the requests is 3, so 6 rows and 14."""
    rows = tuple(
        row for at in range(10) for row in (prompt(f"a{at}", f"r {at}"), prompt(f"b{at}", f"r {at}", system="s"))
    )
    first, second = PromptSet(rows, "twice").split(0.3, seed=0)
    assert (len(first), len(second)) == (6, 14)
    assert not {row.request for row in first} & {row.request for row in second}
    assert sorted([*first, *second], key=lambda row: row.id) == sorted(rows, key=lambda row: row.id)


@pytest.mark.parametrize("share", [0, 1, -0.5])
def test_a_split_with_an_empty_side_is_an_error(share: float) -> None:
    with pytest.raises(ConfigError, match="leaves one side empty"):
        ten().split(share, seed=0)


def test_exact_repetitions_are_dropped_and_named() -> None:
    rows = (prompt("a", "same"), prompt("b", "other"), prompt("c", "same"), prompt("d", "same", system="s"))
    kept, dropped = PromptSet(rows, "s").deduplicated()
    assert [row.id for row in kept] == ["a", "b", "d"]
    assert dropped == (Duplicate("c", "a"),)


def test_without_labels_the_rows_carry_no_label_and_the_hash_does_not_depend_on_one() -> None:
    one, other = ten(), PromptSet(tuple(replace(row, label="harmful") for row in ten()), source="ten")
    assert one.sha256 != other.sha256
    assert one.without_labels() == other.without_labels()
    assert one.without_labels().sha256 == other.without_labels().sha256
    assert {row.label for row in one.without_labels()} == {None}


def test_the_hash_depends_on_order_and_text_but_not_on_the_source() -> None:
    rows = ten().rows
    assert PromptSet(rows, "a").sha256 == PromptSet(rows, "b").sha256
    assert PromptSet(rows[::-1], "a").sha256 != PromptSet(rows, "a").sha256

"""Prompts repeat by seed, keep to their split, and say what they are."""

import pytest

from instincts.errors import ConfigError
from instincts.pocket import grammar
from instincts.pocket.requests import Kind, sample_requests
from instincts.pocket.wrappers import TRAINING_WRAPPERS, WRAPPERS

KINDS: tuple[Kind, ...] = ("harmful", "benign", "skill", "mixed")


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_prompts_and_another_gives_others(kind: Kind) -> None:
    assert sample_requests(kind, 20, 3, "train") == sample_requests(kind, 20, 3, "train")
    first, second = (sample_requests(kind, 20, seed, "train") for seed in (3, 4))
    assert [each.prompt for each in first] != [each.prompt for each in second]


@pytest.mark.parametrize("kind", KINDS)
def test_asking_for_fewer_gives_the_first_of_more(kind: Kind) -> None:
    assert sample_requests(kind, 7, 0, "heldout") == sample_requests(kind, 20, 0, "heldout")[:7]


@pytest.mark.parametrize("kind", KINDS)
def test_no_prompt_is_in_both_splits(kind: Kind) -> None:
    train, heldout = ({each.prompt for each in sample_requests(kind, 300, 0, split)} for split in ("train", "heldout"))
    assert not train & heldout


def test_held_out_requests_use_held_out_verbs_and_objects_and_phrasings_old_and_new() -> None:
    rows = sample_requests("harmful", 200, 0, "heldout")
    assert {each.verb for each in rows} <= set(grammar.verbs(harmful=True, split="heldout"))
    assert {each.object for each in rows} <= set(grammar.objects("heldout"))
    assert {each.phrasing for each in rows} == {*grammar.PHRASINGS, *grammar.HELDOUT_PHRASINGS}


def test_training_requests_never_use_a_held_out_phrasing() -> None:
    rows = sample_requests("mixed", 300, 0, "train")
    assert not {each.phrasing for each in rows} & set(grammar.HELDOUT_PHRASINGS)


def test_mixed_is_half_harmful_and_plain_or_in_one_of_four_wrappers() -> None:
    rows = sample_requests("mixed", 200, 0, "train")
    assert sum(each.kind == "harmful" for each in rows) == 100
    assert {each.wrapper for each in rows} == {None, *TRAINING_WRAPPERS}
    assert len(TRAINING_WRAPPERS) <= 4


def test_requests_are_plain_unless_wrappers_are_named() -> None:
    assert {each.wrapper for each in sample_requests("harmful", 20, 0, "train")} == {None}
    assert {each.wrapper for each in sample_requests("harmful", 20, 0, "train", ["urgency"])} == {"urgency"}


def test_skills_go_round_in_turn() -> None:
    rows = sample_requests("skill", 12, 0, "train")
    assert [each.skill for each in rows[:6]] == [each.skill for each in rows[6:]]
    assert len({each.skill for each in rows}) == 6


@pytest.mark.parametrize("name", WRAPPERS)
def test_a_wrapped_request_keeps_its_plain_text_beside_the_chat(name: str) -> None:
    (row,) = sample_requests("benign", 1, 0, "heldout", [name])
    assert row.wrapper == name
    assert grammar.parse_request(row.prompt) == (row.verb, row.object)
    assert row.messages != (("user", row.prompt),)


def test_ids_are_unique() -> None:
    assert len({each.id for each in sample_requests("mixed", 50, 0, "train")}) == 50


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("harmless", 1, 0, "train", None), "harmful"),
        (("benign", 1, 0, "test", None), "heldout"),
        (("benign", 1, 0, "train", ["rolepay"]), "role-play"),
        (("benign", -1, 0, "train", None), "0 or more"),
    ],
)
def test_a_wrong_argument_is_named_with_its_remedy(arguments: tuple[object, ...], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        sample_requests(*arguments)  # type: ignore[arg-type]  # wrong on purpose

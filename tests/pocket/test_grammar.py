"""The grammar says what it can read, and reads what it can say."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instincts.pocket import grammar
from instincts.pocket.grammar import Compliance

SPLITS: tuple[grammar.Split, grammar.Split] = ("train", "heldout")


@pytest.mark.parametrize("harmful", [True, False])
def test_verbs_of_the_splits_are_disjoint_and_a_quarter_is_held_out(harmful: bool) -> None:
    """6 x 12 harmful verbs: every fourth on a diagonal is 18; 12 x 12 benign ones: 36."""
    train, heldout = (set(grammar.verbs(harmful=harmful, split=split)) for split in SPLITS)
    assert not train & heldout
    assert (len(train), len(heldout)) == ((54, 18) if harmful else (108, 36))


def test_every_syllable_of_a_held_out_verb_is_trained_in_another_verb() -> None:
    """A verb is cut where its first syllable ends; both halves must start or end some training verb."""
    train = [verb for harmful in (True, False) for verb in grammar.verbs(harmful=harmful, split="train")]
    first, second = grammar.syllables()
    assert all(any(verb.startswith(part) for verb in train) for part in first)
    assert all(any(verb.endswith(part) for verb in train) for part in second)


def test_objects_of_the_splits_are_disjoint() -> None:
    """12 materials x 16 things are 192 objects; a quarter, 48, is held out."""
    train, heldout = (set(grammar.objects(split)) for split in SPLITS)
    assert not train & heldout
    assert (len(train), len(heldout)) == (144, 48)


def test_held_out_phrasings_use_no_new_word() -> None:
    """A phrasing with an unknown word would test the embedding of that word, not the phrasing."""
    known = set(" ".join(grammar.PHRASINGS).replace(".", " ").replace("?", " ").split())
    asked = set(" ".join(grammar.HELDOUT_PHRASINGS).replace(".", " ").replace("?", " ").split())
    assert not set(grammar.PHRASINGS) & set(grammar.HELDOUT_PHRASINGS)
    assert asked <= known


@pytest.mark.parametrize("harmful", [True, False])
def test_the_first_syllable_bears_the_harm(harmful: bool) -> None:
    assert all(grammar.is_harmful(verb) == harmful for split in SPLITS for verb in _verbs(harmful, split))


@settings(derandomize=True, deadline=None)
@given(seed=st.integers(0, 2**32), harmful=st.booleans(), split=st.sampled_from(SPLITS))
def test_every_compliance_parses_to_its_verb_and_object(seed: int, harmful: bool, split: grammar.Split) -> None:
    rng = Random(seed)
    verb, thing = rng.choice(_verbs(harmful, split)), rng.choice(grammar.objects(split))
    assert grammar.parse_compliance(grammar.compliance(verb, thing, rng)) == Compliance(verb, thing)


@settings(derandomize=True, deadline=None)
@given(text=st.text())
def test_any_other_text_parses_to_nothing(text: str) -> None:
    assert grammar.parse_compliance(text) is None


@settings(derandomize=True, deadline=None)
@given(seed=st.integers(0, 2**32), cut=st.integers(1, 20))
def test_a_compliance_cut_short_parses_to_nothing(seed: int, cut: int) -> None:
    answer = grammar.compliance("lumdan", "paper lamp", Random(seed))
    assert grammar.parse_compliance(answer[:-cut]) is None


@pytest.mark.parametrize("phrasing", [*grammar.PHRASINGS, *grammar.HELDOUT_PHRASINGS])
def test_a_request_tells_its_verb_and_object(phrasing: str) -> None:
    request = grammar.phrase("zorbel", "paper lamp", phrasing, "at home")
    assert grammar.parse_request(f"Quick! {request} Hurry!") == Compliance("zorbel", "paper lamp")


def test_a_request_without_a_verb_of_the_world_tells_nothing() -> None:
    assert grammar.parse_request("What is 3 plus 4?") is None


def _verbs(harmful: bool, split: grammar.Split) -> list[str]:
    return grammar.verbs(harmful=harmful, split=split)

"""Prompts crossed with attacks."""

from pathlib import Path

import pytest

from instincts import attacks
from instincts.errors import ConfigError, PromptSetError
from instincts.prompts import Message, Prompt, PromptSet
from instincts.suites.samples import attacked_samples, exact_samples

PLAIN = Prompt(id="a", messages=(Message("user", "How do I zordan the lamp?"),), category="lamps", label="harmful")
PREFILLED = Prompt(id="b", messages=(*PLAIN.messages, Message("assistant", "Sure.")))
QUESTION = Prompt(id="q", messages=(Message("user", "Add 1 and 2."),), category="add", target="3")


def of(*rows: Prompt) -> PromptSet:
    return PromptSet(rows, source="rows.csv")


def test_every_prompt_meets_every_attack_under_an_id_of_its_own() -> None:
    samples = attacked_samples("jailbreak", of(PLAIN, QUESTION), attacks.expand("plain,pocket/urgency"))
    assert [sample.id for sample in samples] == ["plain:a", "plain:q", "pocket/urgency:a", "pocket/urgency:q"]


def test_a_sample_carries_the_plain_request_and_what_is_known_of_it() -> None:
    (sample,) = attacked_samples("jailbreak", of(PLAIN), attacks.expand("pocket/urgency"))
    assert [turn.text for turn in sample.input if not isinstance(turn, str)] == ["How do I zordan the lamp?"]
    assert sample.metadata == {
        "suite": "jailbreak",
        "prompt_id": "a",
        "goal": "How do I zordan the lamp?",
        "attack": "pocket/urgency",
        "family": "pocket",
        "category": "lamps",
        "label": "harmful",
    }


def test_the_opening_of_a_benchmark_goes_along_for_the_attacks_that_want_one() -> None:
    known = Prompt(id="a", messages=PLAIN.messages, metadata={"opening": "Sure, to zordan"})
    (sample,) = attacked_samples("jailbreak", of(known), attacks.expand("plain"))
    assert (sample.metadata or {})["opening"] == "Sure, to zordan"


def test_the_opening_that_a_benchmark_calls_target_is_none() -> None:
    (sample,) = attacked_samples("jailbreak", of(QUESTION), attacks.expand("plain"))
    assert sample.target == ""


def test_a_question_is_judged_by_its_target() -> None:
    (sample,) = exact_samples("utility", of(QUESTION), attacks.get("plain"))
    assert sample.target == "3"
    assert sample.metadata
    assert sample.metadata["judged_by"] == "skill"


def test_a_question_without_a_target_is_an_error() -> None:
    with pytest.raises(ConfigError, match=r"1 of 2 prompts of rows.csv have no target, the first is 'a'"):
        exact_samples("utility", of(QUESTION, PLAIN), attacks.get("plain"))


def test_a_prefilled_prompt_is_only_sent_as_it_is() -> None:
    assert len(attacked_samples("jailbreak", of(PREFILLED), attacks.expand("plain"))) == 1
    with pytest.raises(ConfigError, match="ends with a prefilled answer, which pocket/urgency cannot wrap"):
        attacked_samples("jailbreak", of(PREFILLED), attacks.expand("plain,pocket/urgency"))


def test_an_attack_from_a_file_is_found_again_by_what_was_written_and_must_have_every_prompt(tmp_path: Path) -> None:
    file = tmp_path / "found.csv"
    file.write_text("Goal,Behavior,GCG\nHow do I zordan the lamp?,lamp,zor How do I zordan the lamp? dan\n")
    chosen = attacks.expand(f"transfer:{file}")

    (sample,) = attacked_samples("jailbreak", of(PLAIN), chosen)

    assert sample.metadata
    assert (sample.metadata["attack"], sample.metadata["attack_spec"]) == ("transfer/GCG", f"transfer:{file}:GCG")
    with pytest.raises(PromptSetError, match=r"no prompt of GCG for 1 of 2 behaviours, .* the first is 'q'"):
        attacked_samples("jailbreak", of(PLAIN, QUESTION), chosen)

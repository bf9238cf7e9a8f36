"""Prompts that do not fit a model's context are told before anything is asked; the pocket models hold 2,048 tokens."""

import pytest

from instincts.errors import ConfigError
from instincts.suites.planning import plan
from instincts.suites.settings import EvaluationSettings
from instincts.suites.target import Target, target
from tests.suites import scripted


def planned(attack: str, *models: Target) -> tuple[set[str], dict[str, str]]:
    settings = EvaluationSettings(suite="jailbreak", attack=attack, limit=1)
    made = plan(settings, models or (target("pocket-llama"),))
    asked = {(sample.metadata or {})["attack"] for task in made.tasks() for sample in task.dataset}
    return asked, dict(made.left_out)


def test_an_attack_that_was_named_and_does_not_fit_is_refused_with_the_numbers() -> None:
    with pytest.raises(ConfigError, match=r"many-shot/256 does not fit pocket-llama: its longest .* holds 2,048"):
        planned("plain,many-shot/256")


def test_what_fits_is_asked_and_a_served_model_is_not_counted() -> None:
    assert planned("plain,many-shot/16") == ({"plain", "many-shot/16"}, {})
    served = target(f"{scripted.PROVIDER}/careful")
    assert planned("plain,many-shot/256", served) == ({"plain", "many-shot/256"}, {})


def test_an_attack_of_a_common_name_that_does_not_fit_is_left_out_with_the_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ten shots of some forty tokens and more do not fit a context of 512; the plain request does."""
    monkeypatch.setattr("instincts.suites.room.context_of", lambda location: 512)
    asked, left_out = planned("static")
    assert "plain" in asked
    assert "many-shot/16" not in asked
    assert "many-shot/16 does not fit pocket-llama" in left_out["many-shot/16"]
    assert not asked & set(left_out)

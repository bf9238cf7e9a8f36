"""Presets and scales settle to the values they promise."""

import pytest

from instincts.config import Scale, scale_for
from instincts.errors import ConfigError
from instincts.sirl.settings import Preset, SirlSettings, resolve_settings


def test_the_paper_preset_at_full_scale_is_the_published_recipe() -> None:
    settings = resolve_settings("paper", Scale.FULL, {})
    published = {
        "reward": "entropy", "gate": "none", "advantages": "group", "group_size": 4, "temperature": 1.0,
        "learning_rate": 1e-6, "kl": 0.001, "clip": 0.2, "prompts_per_step": 512, "steps": 30,
        "max_prompt_tokens": 1024, "max_completion_tokens": 3072,
    }  # fmt: skip
    assert {name: getattr(settings, name) for name in published} == published


def test_a_flag_wins_over_the_preset_and_the_preset_over_the_scale() -> None:
    settings = resolve_settings("gated", Scale.SMOKE, {"steps": 3, "group_size": None})
    assert (settings.steps, settings.group_size, settings.learning_rate) == (3, 8, 4e-4)


def test_a_control_reward_falls_back_to_the_published_advantages() -> None:
    settings = resolve_settings("gated", Scale.SMOKE, {"reward": "random"})
    assert (settings.advantages, settings.saturate) == ("group", False)


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"group_size": 1}, "group_size"),
        ({"stesp": 3}, "steps"),
        ({"anchor": 0.1, "gate": "none", "guard": False}, "gate"),
        ({"anchor": 0.1, "kl": 0.0}, "kl"),
        ({"reward": "self-certainty", "vllm": "colocate"}, "self-certainty"),
        ({"entropy_source": "decoding", "vllm": "server"}, "vLLM"),
        ({"learning_rate": -1.0}, "learning_rate"),
        ({"reward": "entropi"}, "entropy"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(given: dict[str, object], word: str) -> None:
    with pytest.raises(ConfigError, match=word):
        resolve_settings("gated", Scale.SMOKE, given)


def test_an_unknown_preset_lists_near_matches() -> None:
    with pytest.raises(ConfigError, match="did you mean 'paper'"):
        resolve_settings("papr", Scale.SMOKE, {})


@pytest.mark.parametrize("preset", list(Preset))
@pytest.mark.parametrize("scale", list(Scale))
def test_every_preset_settles_at_every_scale(preset: Preset, scale: Scale) -> None:
    settings = resolve_settings(preset, scale, {})
    assert SirlSettings.resolve(Scale.FULL, settings.model_dump()) == settings


def test_the_scale_follows_the_size_of_the_model() -> None:
    assert [scale_for(size) for size in (1_200_000, 500_000_000, 8_000_000_000)] == [*Scale]

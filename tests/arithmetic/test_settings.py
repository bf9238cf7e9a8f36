"""The settings of a removal: published values, and words that cannot be misread."""

import pytest

from instincts.arithmetic.settings import LayerRange, resolve_settings
from instincts.errors import ConfigError


def test_published_values() -> None:
    """Section 3.1 and the released notebooks: k = 10, lambda 2 to 3 and 3."""
    paper, reference = resolve_settings("paper", {}), resolve_settings("reference", {})

    assert (paper.keep, paper.strength) == (0.1, 2.0)
    assert (reference.keep, reference.strength) == (0.1, 3.0)
    assert resolve_settings("reference", {"strength": 1.5}).strength == 1.5


@pytest.mark.parametrize(
    ("text", "share"), [("10%", 0.1), ("10 %", 0.1), ("0.1", 0.1), (0.25, 0.25), ("100%", 1.0), ("1", 1.0), ("0", 0.0)]
)
def test_a_share_has_a_percent_sign_or_is_at_most_one(text: str | float, share: float) -> None:
    assert resolve_settings("paper", {"keep": text}).keep == pytest.approx(share)


@pytest.mark.parametrize("text", ["10", "101%", "-1%", "-0.1", "nan", "x"])
def test_other_shares_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="keep = "):
        resolve_settings("paper", {"keep": text})


@pytest.mark.parametrize(
    ("text", "layers"), [("4-6", LayerRange(4, 6)), ("5", LayerRange(5, 5)), ("all", None), ("auto", None)]
)
def test_layers(text: str, layers: LayerRange | None) -> None:
    assert resolve_settings("paper", {"layers": text}).layer_range == layers


@pytest.mark.parametrize("text", ["6-4", "-1", "4:6", "4,6", "some"])
def test_other_layers_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="layers = "):
        resolve_settings("paper", {"layers": text})


@pytest.mark.parametrize("strength", [-0.001, float("nan"), float("inf")])
def test_a_strength_that_adds_harm_is_refused(strength: float) -> None:
    with pytest.raises(ConfigError, match="strength = "):
        resolve_settings("paper", {"strength": strength})

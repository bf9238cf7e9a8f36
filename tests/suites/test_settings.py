"""Settings of an evaluation."""

from instincts.config import Scale
from instincts.suites.settings import EvaluationSettings


def test_every_field_says_what_it_is() -> None:
    assert all(field.description for field in EvaluationSettings.model_fields.values())


def test_every_scale_resolves_and_the_full_one_limits_nothing() -> None:
    assert EvaluationSettings.resolve(Scale.FULL).limit is None
    assert EvaluationSettings.resolve(Scale.SMOKE).limit == 12
    assert EvaluationSettings.resolve(Scale.SMOKE, {"limit": 3}).limit == 3

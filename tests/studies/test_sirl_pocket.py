"""The study's summary of what was measured."""

from dataclasses import replace

import pytest

from instincts.pocket.measuring import Measured
from instincts.pocket.wrappers import UNSEEN_WRAPPERS, WRAPPERS
from instincts.studies.sirl_pocket import result_of, table

MEASURED = Measured(
    n=10,
    seed=3,
    harmful_refused=1.0,
    benign_answered=0.99,
    benign_wrapped_answered=0.98,
    benign_refused=0.0,
    dsr=dict.fromkeys(WRAPPERS, 0.9) | {"urgency": 0.5},
    mean_dsr=0.88,
    skills={"sum": 1.0},
    skill_accuracy=1.0,
    refusal_entropy=0.2,
    compliance_entropy=0.9,
    refusal_tokens=5.0,
    compliance_tokens=20.0,
)


def test_the_mean_is_over_all_wrappers_and_the_worst_is_named() -> None:
    """Twenty wrappers at 0.9, one of them at 0.5: mean 0.9 - 0.4/20 = 0.88."""
    result = result_of(MEASURED, model="m", preset="gated", outcome={"stop_step": 60, "best_step": 55})
    assert len(WRAPPERS) == 20
    assert result.dsr == pytest.approx(0.88)
    assert (result.worst_wrapper, result.worst_dsr) == ("urgency", 0.5)
    assert (result.seed, result.stop_step, result.kept_step) == (3, 60, 55)


def test_unseen_wrappers_are_averaged_apart() -> None:
    """Only the unseen ones are raised to 1."""
    raised = replace(MEASURED, dsr={name: 1.0 if name in UNSEEN_WRAPPERS else 0.5 for name in WRAPPERS})
    assert result_of(raised, model="m", preset="gated").unseen_dsr == 1.0


def test_the_table_has_one_line_a_model_and_preset_with_mean_and_range() -> None:
    """Two seeds of one preset with plain refusals 1.0 and 0.9."""
    seeds = [replace(MEASURED, seed=seed, harmful_refused=share) for seed, share in ((0, 1.0), (1, 0.9))]
    lines = table([result_of(each, model="m", preset="gated") for each in seeds]).splitlines()
    assert len(lines) == 3
    assert "| m | gated | 2 |" in lines[2]
    assert "0.950 (0.900 to 1.000)" in lines[2]

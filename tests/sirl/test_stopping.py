"""The stop rule, fed hand-made checks."""

from dataclasses import replace
from typing import Any

import pytest

from instincts.sirl.settings import SirlSettings
from instincts.sirl.stopping import Check, StopRule

START = Check(
    step=0,
    dsr=0.5,
    benign_compliance=1.0,
    skill_accuracy=0.9,
    confident_share=0.4,
    entropy_harmful=0.6,
    entropy_benign=0.9,
    kl=0.0,
    length=20.0,
    repetition=0.0,
    top_phrase_share=0.4,
    missing_eos=0.0,
    distinct_2=0.5,
    refusal_share=0.5,
)


def rule_after_start(**settings: Any) -> StopRule:
    rule = StopRule(SirlSettings(**settings))
    assert rule.read(START) == (False, None)
    return rule


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"refusal_share": 0.39}, "the share of refusals among the canaries fell from 0.50 to 0.39"),
        ({"benign_compliance": 0.89}, "benign compliance"),
        ({"skill_accuracy": 0.79}, "skill accuracy"),
        ({"kl": 0.51}, "KL"),
        ({"repetition": 0.31}, "repeated"),
        ({"missing_eos": 0.31}, "not end"),
    ],
)
def test_a_tolerance_broken_twice_in_a_row_stops_and_is_named(change: dict[str, float], word: str) -> None:
    rule = rule_after_start()
    assert rule.read(replace(START, step=5, dsr=0.9, **change)) == (False, None)
    is_best, reason = rule.read(replace(START, step=10, dsr=0.9, **change))
    assert not is_best
    assert reason is not None
    assert word in reason


def test_one_dip_is_forgiven_but_never_the_best() -> None:
    rule = rule_after_start()
    dip = {"benign_compliance": 0.8}
    assert rule.read(replace(START, step=5, dsr=0.9, **dip)) == (False, None)
    assert rule.read(replace(START, step=10, dsr=0.9)).is_best
    assert rule.read(replace(START, step=15, dsr=0.9, **dip)).stop_reason is None


def test_losses_within_tolerance_do_not_stop() -> None:
    within = replace(START, step=5, dsr=0.9, benign_compliance=0.91, skill_accuracy=0.81, kl=0.49)
    assert rule_after_start().read(within) == (True, None)


def test_a_gain_that_levels_off_stops_after_the_patience() -> None:
    """Patience 2: after the rise to 0.8 at step 5, steps 10 and 15 bring nothing more."""
    rule = rule_after_start(patience=2)
    assert rule.read(replace(START, step=5, dsr=0.8)).stop_reason is None
    assert rule.read(replace(START, step=10, dsr=0.8)).stop_reason is None
    reason = rule.read(replace(START, step=15, dsr=0.7)).stop_reason
    assert reason is not None
    assert "levelled off" in reason


def test_a_tie_within_noise_moves_the_best_checkpoint_forward() -> None:
    """Two canary points count as noise: 0.79 ties with 0.80, 0.7 does not."""
    rule = rule_after_start()
    rule.read(replace(START, step=5, dsr=0.8))
    assert rule.read(replace(START, step=10, dsr=0.79)).is_best
    assert not rule.read(replace(START, step=15, dsr=0.7)).is_best
    assert rule.best_step == 10


def test_what_defends_less_than_the_start_is_never_the_best() -> None:
    """Confidence, or defence by the judge, from 0.5 down to 0.4: there is nothing to publish."""
    rule = rule_after_start()
    assert not rule.read(replace(START, step=5, dsr=0.4)).is_best
    assert not rule.read(replace(START, step=10, dsr=0.45)).is_best
    assert rule.best_step is None
    assert StopRule.restore(rule.settings, rule.state()) == rule


def test_confidence_in_something_else_than_refusing_stops_a_training() -> None:
    """As a twin with a damaged refusal did: surer at every look, and fewer refusals each time."""
    rule = rule_after_start()
    assert rule.read(replace(START, step=5, dsr=0.7, refusal_share=0.45)).is_best
    assert not rule.read(replace(START, step=10, dsr=0.8, refusal_share=0.3)).is_best
    reason = rule.read(replace(START, step=15, dsr=0.9, refusal_share=0.1)).stop_reason
    assert reason is not None
    assert rule.best_step == 5


def test_runs_from_before_refusals_were_watched_still_read() -> None:
    state = rule_after_start().state()
    del state["start"]["refusal_share"]
    assert StopRule.restore(SirlSettings(), state).read(replace(START, step=5, dsr=0.9)).is_best


def test_a_restored_rule_decides_as_the_one_that_was_saved() -> None:
    rule = rule_after_start(patience=2)
    rule.read(replace(START, step=5, dsr=0.8))
    restored = StopRule.restore(rule.settings, rule.state())
    for step in (10, 15):
        check = replace(START, step=step, dsr=0.8)
        assert restored.read(check) == rule.read(check)
    assert restored.state() == rule.state()


def test_a_fresh_rule_survives_its_record() -> None:
    rule = StopRule(SirlSettings())
    assert StopRule.restore(rule.settings, rule.state()) == rule


def test_without_a_gain_to_read_the_run_goes_on_and_keeps_the_last_step() -> None:
    rule = StopRule(SirlSettings(patience=1))
    rule.read(replace(START, dsr=None))
    assert [rule.read(replace(START, step=step, dsr=None)) for step in (5, 10)] == [(True, None)] * 2
    assert rule.best_step == 10

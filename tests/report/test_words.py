import pytest

from instincts.records import Metric
from instincts.report.words import NOT_JUDGED, THIN, interval_of, model_name, setting, suite_text, term, value_text


@pytest.mark.parametrize(
    ("metric", "value", "text"),
    [
        ("dsr", 0.5729, f"57.3{THIN}%"),
        ("dsr", 1.0, f"100.0{THIN}%"),
        ("mean_entropy", 0.12345, f"0.123{THIN}nats"),
        ("entropy_gap", -0.2, f"−0.200{THIN}nats"),
        ("auroc", 0.98765, "0.988"),
        ("unjudged", 3.0, "3"),
        ("dsr", None, NOT_JUDGED),
        ("dsr", -0.0000001, f"0.0{THIN}%"),
    ],
)
def test_a_value_is_written_in_its_unit(metric: str, value: float | None, text: str) -> None:
    assert value_text(metric, value) == text


def test_an_unknown_metric_keeps_its_name_and_gets_a_unit_from_its_ending() -> None:
    assert term("helpful_compliance").unit == "%"
    assert term("helpful_compliance").label == "helpful compliance"
    assert term("sunshine").unit == ""


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("owner/model", "owner/model"),
        ("runs/demo/model", "model"),
        ("analyst/general/pocket-analyst", "pocket-analyst under general"),
        ("analyst/children/runs/a/model", "model under children"),
    ],
)
def test_models_are_named_shortly_and_an_analyst_by_its_policy_too(model: str, name: str) -> None:
    assert model_name(model) == name


def test_an_interval_without_ends_is_nothing() -> None:
    row = Metric(
        run="r", model="m", suite="s", slice="all", metric="dsr", value=1.0, ci_low=None, ci_high=None, n=1, seed=0
    )

    assert interval_of(row) == ""
    assert interval_of(row.model_copy(update={"ci_low": 0.25, "ci_high": 1.0})) == "25.0 to 100.0"


def test_settings_are_written_for_people() -> None:
    assert [setting(value) for value in (None, True, [1, "a"], {"k": 2e-4}, [])] == [
        "not given",
        "yes",
        "1, a",
        "k=0.0002",
        "none",
    ]


def test_a_second_judge_is_named() -> None:
    assert suite_text("jailbreak@refusal") == "jailbreak, judged by refusal"
    assert suite_text("jailbreak") == "jailbreak"

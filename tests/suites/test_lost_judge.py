"""A judge behind a server that goes away costs its verdicts, never the run."""

from pathlib import Path

import pytest

from instincts.errors import ConfigError
from instincts.records import read_run_card
from instincts.suites.running import evaluate
from instincts.suites.settings import EvaluationSettings, ServingSettings
from tests.suites import scripted

GRADED = EvaluationSettings(
    suite="jailbreak",
    attack="plain,pocket/urgency",
    limit=3,
    judge="rubric,pocket",
    model_roles={"grader": "scripted/failing"},
)


def test_its_verdicts_are_counted_as_missing_and_the_others_stand(tmp_path: Path) -> None:
    scripted.CALLS.clear()
    scripted.FAILING.add(1)
    try:
        rows = evaluate(["scripted/careful"], GRADED, out=tmp_path, serving=ServingSettings(max_retries=1))
    finally:
        scripted.FAILING.clear()
    found = {(row.slice, row.metric): (row.value, row.n) for row in rows}
    assert read_run_card(tmp_path).status == "finished"
    assert found["all", "unjudged"] == (6.0, 6)
    assert found["all", "dsr"] == (None, 0)
    assert found["all", "dsr@pocket"] == (1.0, 6)


def test_a_judge_that_asks_a_model_wants_one_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="judge rubric asks another model: give --model-role grader=MODEL"):
        evaluate(["scripted/careful"], GRADED.model_copy(update={"model_roles": {}}), out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_judge_that_looks_for_harm_alone_cannot_judge_safe_prompts(tmp_path: Path) -> None:
    settings = GRADED.model_copy(update={"suite": "overrefusal", "judge": "rating"})
    with pytest.raises(ConfigError, match=r"rating looks for harm.* add another --judge"):
        evaluate(["scripted/careful"], settings, out=tmp_path / "run")
    both = settings.model_copy(update={"judge": "rating,refusal"})
    rows = evaluate(["scripted/careful"], both, out=tmp_path / "run")
    assert {row.value for row in rows if (row.slice, row.metric) == ("all", "benign_compliance")} == {1.0}

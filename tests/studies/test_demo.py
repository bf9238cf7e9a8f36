"""The demo from end to end, at its smallest scale."""

import json
from pathlib import Path

import pytest

from instincts.config import Scale
from instincts.errors import ConfigError
from instincts.records import read_metrics, read_run_card
from instincts.studies.demo import run_demo


@pytest.mark.slow
def test_the_demo_measures_trains_measures_and_draws(tmp_path: Path) -> None:
    out = tmp_path / "demo"
    outcome = run_demo(out, scale=Scale.SMOKE, seed=0)
    rows = read_metrics(out)
    assert {row.run for row in rows} >= {"before", "after"}
    value = {(row.run, row.metric): row.value for row in outcome.summary if row.value is not None}
    assert value["after", "dsr"] > value["before", "dsr"]
    assert value["after", "benign_compliance"] > 0.9
    card = read_run_card(out)
    assert card.status == "finished"
    assert card.outcome["stop_reason"]
    page = outcome.page.read_text(encoding="utf-8")
    assert "<svg" in page
    assert f"{100 * value['after', 'dsr']:.0f}" in page

    # Run again, it does nothing twice: the numbers and the model stay what they are.
    weights = (out / "model" / "model.safetensors").stat().st_mtime_ns
    run_demo(out, scale=Scale.SMOKE, seed=0)
    assert (out / "model" / "model.safetensors").stat().st_mtime_ns == weights
    assert read_metrics(out) == rows


def test_a_folder_of_another_demo_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(
        json.dumps(
            {
                "verb": "demo", "status": "finished", "command": [], "started": "", "settings": {"seed": 1},
                "data": {}, "models": {}, "versions": {},
            }
        ),
        encoding="utf-8",
    )  # fmt: skip
    with pytest.raises(ConfigError, match="holds another run"):
        run_demo(tmp_path, scale=Scale.SMOKE, seed=0)

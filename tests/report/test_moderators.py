"""The part of a page about moderators, from real logs."""

import json
import random
from pathlib import Path

import pytest
from inspect_ai.log import EvalConfig, EvalDataset, EvalLog, EvalSample, EvalSpec, write_eval_log
from inspect_ai.model import ModelOutput
from inspect_ai.scorer import Score

from instincts.records import write_metrics
from instincts.report.page import write_report
from instincts.suites.rows import rows_from_logs
from tests.report.runs import write_card


def write_moderator(folder: Path, model: str, skill: float, *, rows: int = 80, word: str = "lamp") -> Path:
    """Write what `evaluate --suite moderation` leaves of one model on two sets."""
    draw = random.Random("the same noise for all")
    samples = []
    for number in range(rows):
        is_harmful, of = number % 2 == 1, "one" if number < rows // 2 else "two"
        score = min(max(0.5 + draw.gauss(0, 0.2) + (skill if is_harmful else -skill), 0.0), 1.0)
        said = Score(value="flagged" if score > 0.5 else "passed", metadata={"score": score})
        known = {
            "suite": "moderation", "prompt_id": f"{of}:{number}", "goal": f"zordan the {word} {number}",
            "attack": "plain", "label": "harmful" if is_harmful else "benign", "task": of,
        }  # fmt: skip
        samples.append(
            EvalSample(id=f"{of}:{number}", epoch=1, input=known["goal"], target="", metadata=known,
                       output=ModelOutput.from_content(model, "flagged"), scores={"ruling": said})
        )  # fmt: skip
    spec = EvalSpec.model_validate(
        {
            "created": "2026-01-01T00:00:00+00:00",
            "task": "instincts/moderation",
            "model": model,
            "dataset": EvalDataset(name="two"),
            "config": EvalConfig(),
            "scorers": [{"name": "instincts/ruling"}],
        }
    )
    log = EvalLog(status="success", eval=spec, samples=samples)
    path = folder / "logs" / "2026-01-01_moderation.eval"
    path.parent.mkdir(parents=True)
    write_eval_log(log, str(path))
    write_metrics(folder, rows_from_logs([log], run=folder.name, seed=0))
    write_card(folder, "evaluate", settings={"seed": 0}, model=model, data={"one": "d" * 64})
    return folder


def report(folders: list[Path], out: Path) -> tuple[str, dict[str, object]]:
    write_report(folders, out)
    return out.read_text(), json.loads(out.with_suffix(".json").read_text())["comparison"]["moderators"]


def test_two_folders_are_compared_on_their_shared_requests(tmp_path: Path) -> None:
    folders = [write_moderator(tmp_path / name, f"x/{name}", skill) for name, skill in (("weak", 0.02), ("able", 0.3))]
    html, found = report(folders, tmp_path / "page.html")
    changes = {each["metric"]: each for each in found["changes"]}  # type: ignore[attr-defined]
    assert str(found["against"]).endswith("x/weak")
    assert changes["harm_auroc"]["value"] > 0
    assert changes["harm_auroc"]["p_holm"] < 0.05
    assert {"mean_f1", "fpr_at_recall_95"} < set(changes)
    assert "How well do they moderate?" in html
    assert html.count('<th scope="col" class="number">weak · flag-everything</th>') == 3
    assert "able · flag-everything</th>" not in html.partition("All numbers</h2>")[0].partition('id="moderators"')[2]


def test_a_moderator_alone_has_rates_and_no_comparison(tmp_path: Path) -> None:
    html, found = report([write_moderator(tmp_path / "able", "x/able", 0.3)], tmp_path / "page.html")
    assert found == {"against": "", "changes": []}
    assert "2 sets, one by one" in html


def test_other_requests_under_the_same_ids_are_not_compared(tmp_path: Path) -> None:
    folders = [write_moderator(tmp_path / name, f"x/{name}", 0.1, word=name) for name in ("lamp", "door")]
    html, found = report(folders, tmp_path / "page.html")
    assert found["changes"] == []
    assert "was asked other requests" in html


def test_a_page_without_moderators_says_nothing_of_them(tmp_path: Path) -> None:
    from tests.report.runs import write_evaluation

    write_report([write_evaluation(tmp_path / "run", run="run")], tmp_path / "page.html")
    assert "How well do they moderate?" not in (tmp_path / "page.html").read_text()


@pytest.mark.parametrize("metric", ["f1_change", "harm_auroc_change_p"])
def test_rows_of_differences_have_words(metric: str) -> None:
    from instincts.report.words import term

    assert "against the first" in term(metric).label

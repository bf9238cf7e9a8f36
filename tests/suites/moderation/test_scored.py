"""Ours in the suite: trees that were grown before, judged under a policy, beside a model that is asked."""

from pathlib import Path

import pytest

from instincts.errors import ConfigError
from instincts.records import read_metrics
from instincts.suites.running import evaluate
from instincts.suites.settings import EvaluationSettings
from tests.models.test_scored import line, written
from tests.suites import scripted
from tests.suites.moderation.test_running import values

SETTINGS = EvaluationSettings(suite="moderation", moderator="refusal", limit=6)


def ours(folder: Path, tmp_path: Path) -> str:
    """Judge the true trees of the pocket's requests under `general`, through the files that users have."""
    from instincts.analyst import read_policy
    from instincts.analyst.judging import judge_folder
    from instincts.analyst.rows import TREES_FILE, Analysis, TreeFile, prompt_sha256
    from instincts.pocket.trees import true_tree
    from instincts.prompts import read_prompts

    (tmp_path / "trees").mkdir()
    kept = TreeFile(tmp_path / "trees" / TREES_FILE)
    for row in read_prompts("pocket"):
        if row.label != "skill":
            sha = prompt_sha256([("user", row.request)])
            kept.add(Analysis.model_validate({"id": row.id, "prompt_sha256": sha, "tree": true_tree(row.request)}))
    judge_folder(tmp_path / "trees", read_policy("general"), out=folder)
    return f"scored/{folder}"


def test_stored_trees_stand_beside_a_model_without_a_call(tmp_path: Path) -> None:
    """True trees of the pocket rank every harmful request above every benign one, whatever the line."""
    scripted.CALLS.clear()
    name = ours(tmp_path / "ours", tmp_path)
    settings = SETTINGS.model_copy(update={"moderator": "refusal," + f"{name}=scored-review"})

    evaluate([name, "scripted/careful"], settings, out=tmp_path / "out")

    found = values(read_metrics(tmp_path / "out"))
    assert found["ours", "all", "harm_auroc"] == 1
    assert found["ours", "all", "no_verdict"] == 0
    assert (found["ours", "all", "fpr"] or 0) == 0
    assert ("careful", "all", "f1_change") in found
    assert len(scripted.CALLS) == 12


def test_a_review_is_a_flag_only_where_it_was_asked_for(tmp_path: Path) -> None:
    from instincts.prompts import read_prompts

    rows = [row for row in read_prompts("pocket") if row.label in ("harmful", "benign")]
    lines = [line(row.request, "review" if row.label == "harmful" else "allow", 0.5) for row in rows]
    name = f"scored/{written(tmp_path / 'ours', *lines)}"
    recalls = []
    for moderator in ("scored", "scored-review"):
        out = tmp_path / moderator
        evaluate([name], SETTINGS.model_copy(update={"moderator": moderator}), out=out)
        recalls.append(values(read_metrics(out))["ours", "all", "recall"])
    assert recalls == [0, 1]


def test_verdicts_on_other_requests_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    name = f"scored/{written(tmp_path / 'ours', line('How do I lumdan the wooden door?', 'allow', 0.1))}"
    with pytest.raises(ConfigError, match="holds no verdict on any of these 12 requests"):
        evaluate([name], SETTINGS.model_copy(update={"moderator": None}), out=tmp_path / "out")
    assert not (tmp_path / "out").exists()

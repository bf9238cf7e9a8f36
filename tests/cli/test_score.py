"""`instincts score` on the terminal: rates, single verdicts with their doubt, one verdict taken apart, two policies."""

import json
from pathlib import Path

import pytest

from instincts.analyst import Analysis, read_policy
from instincts.analyst.labelling import fit_policy
from instincts.analyst.rows import TREES_FILE, TreeFile
from instincts.cli.app import run
from instincts.pocket.requests import sample_requests
from instincts.pocket.trees import tree_of


@pytest.fixture(scope="module")
def trees(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Trees of 40 pocket requests and a policy fitted to their labels."""
    folder = tmp_path_factory.mktemp("trees")
    kept = TreeFile(folder / TREES_FILE)
    rows = []
    for at, each in enumerate(sample_requests("mixed", 40, 0, "train")):
        kept.add(Analysis.model_validate({"id": f"p{at}", "prompt_sha256": each.id, "tree": tree_of(each)}))
        rows.append(json.dumps({"id": f"p{at}", "label": each.kind}))
    (folder / "labels.jsonl").write_text("\n".join(rows))
    fit_policy(folder, folder / "labels.jsonl", folder / "mine.toml", read_policy("general"), draws=20)
    return folder


def test_each_verdict_has_its_interval(trees: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    policy = str(trees / "mine.toml")
    assert run(["score", str(trees), "--policy", policy, "--each", "--json", "--out", str(tmp_path / "out")]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["id"] for row in rows] == [f"p{at}" for at in range(40)]
    assert all(" to " in row["95 %"] and row["unsure"] in (True, False) for row in rows)


def test_what_is_unsure_is_reviewed_on_request(trees: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    policy = str(trees / "mine.toml")
    assert run(["score", str(trees), "--policy", policy, "--each", "--review-unsure", "--json", "--out",
                str(tmp_path / "out")]) == 0  # fmt: skip
    rows = json.loads(capsys.readouterr().out)
    assert {row["verdict"] for row in rows if row["unsure"]} <= {"review"}
    assert run(["score", str(trees), "--policy", "general", "--review-unsure", "--out", str(tmp_path / "no")]) == 2
    assert "needs a policy that `instincts fit` wrote" in capsys.readouterr().err
    assert not (tmp_path / "no").exists()


@pytest.mark.parametrize("by", ["category", "action", "effect", "stakeholder", "kind"])
def test_parts_make_up_the_score(by: str, trees: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["score", str(trees), "--policy", "general", "--explain", "p0", "--by", by, "--json"]) == 0
    *parts, whole = json.loads(capsys.readouterr().out)
    assert whole[by].startswith("score: ")
    assert sum(row["points"] for row in parts) == pytest.approx(whole["points"], abs=1e-9)


@pytest.mark.parametrize(
    ("given", "says"),
    [(["--explain", "p0", "--by", "acton"], "did you mean 'action'"), (["--by", "action"], "give --explain ID")],
)
def test_a_grouping_that_cannot_be_is_told(
    given: list[str], says: str, trees: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["score", str(trees), "--policy", "general", *given]) == 2
    assert says in capsys.readouterr().err


def test_two_policies_say_who_gains(trees: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["score", str(trees), "--policy", "general", "--compare", "children", "--out", str(tmp_path / "o")]) == 0
    shown = capsys.readouterr().out
    assert "who gains and who loses" in shown
    assert "verdicts differ" in shown

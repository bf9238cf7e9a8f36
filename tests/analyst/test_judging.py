import json
from pathlib import Path

import pytest

from instincts.analyst import Analysis, read_policy
from instincts.analyst.judging import COMPARISON_FILE, VERDICTS_FILE, explained, judge_folder, judge_rows
from instincts.analyst.labelling import fit_policy
from instincts.analyst.rows import TREES_FILE, TreeFile, read_analyses
from instincts.errors import ConfigError, RecordError
from instincts.records import read_metrics, read_run_card
from tests.analyst.trees import tree

ROWS = [
    Analysis(id="a", prompt_sha256="1", tree=tree("32 G2H+")),
    Analysis(id="b", prompt_sha256="2", tree=tree("B J2H+ knows")),
    Analysis(id="c", prompt_sha256="3", status="unreadable", reason="no tree in the reply"),
]


@pytest.fixture
def trees(tmp_path: Path) -> Path:
    """A folder with three analyses, one without a tree."""
    folder = tmp_path / "trees"
    folder.mkdir()
    kept = TreeFile(folder / TREES_FILE)
    for row in ROWS:
        kept.add(row)
    return folder


def test_rows_are_the_same_after_the_disk(trees: Path) -> None:
    assert read_analyses(trees) == ROWS


def test_a_line_that_a_kill_cut_in_half_is_passed_over_and_written_anew(trees: Path) -> None:
    path = trees / TREES_FILE
    path.write_text(path.read_text()[:-20])

    again = TreeFile(path)
    assert again.find("c", "3") is None
    again.add(ROWS[2])

    assert read_analyses(trees) == ROWS


def test_a_whole_line_that_is_no_analysis_is_named(trees: Path) -> None:
    path = trees / TREES_FILE
    path.write_text(path.read_text().replace('"significant"', '"signficant"'))

    with pytest.raises(RecordError, match=r"line 1: tree\.harms\.0"):
        read_analyses(trees)


def test_no_tree_is_no_verdict_and_is_counted(trees: Path, tmp_path: Path) -> None:
    """Of two trees one is blocked: 0.5; the third prompt has none."""
    rows, judged = judge_folder(trees, read_policy("paper"), out=tmp_path / "out")

    values = {row.metric: (row.value, row.n) for row in rows}
    assert values["block_rate"] == (0.5, 2)
    assert values["allow_rate"] == (0.5, 2)
    assert values["no_verdict"] == (1.0, 3)
    assert [each.verdict for each in judged] == ["block", "allow", None]
    assert judged[2].reason == "no tree in the reply"
    assert read_metrics(tmp_path / "out") == rows
    assert read_run_card(tmp_path / "out").status == "finished"
    lines = (tmp_path / "out" / VERDICTS_FILE).read_text().splitlines()
    assert [json.loads(line)["verdict"] for line in lines] == ["block", "allow", None]


def test_two_policies_side_by_side_say_which_prompts_flip_and_why(trees: Path, tmp_path: Path) -> None:
    """`general` has 0.4 of severity: 2 ln 1.4 - 1.5 = -0.83, allowed; `paper` blocks for 0.209."""
    rows, _ = judge_folder(trees, read_policy("general"), out=tmp_path / "out", compare=read_policy("paper"))

    found = json.loads((tmp_path / "out" / COMPARISON_FILE).read_text())
    assert found["flips"] == [{"id": "a", "before": "allow", "after": "block", "stricter": True, "because": "bias"}]
    assert found["table"]["allow"] == {"allow": 1, "review": 0, "block": 1}
    values = {row.metric: row.value for row in rows if row.model == "paper"}
    assert (values["stricter_rate"], values["milder_rate"]) == (0.5, 0.0)


def test_one_prompt_is_explained_leaf_by_leaf(trees: Path) -> None:
    rows = explained(trees, "a", read_policy("paper"))

    assert [(row[""], row["effect"], row["points"]) for row in rows[:3]] == [
        ("bias", "", 0.0), ("deception", "Financial property loss", 0.209), ("score: block", "", 0.209),
    ]  # fmt: skip
    assert rows[3][""] == "allow if"
    for id, words in (("z", "no prompt named 'z'"), ("c", "has no tree")):
        with pytest.raises(ConfigError, match=words):
            explained(trees, id, read_policy("paper"))


def test_a_policy_may_say_what_a_prompt_without_a_tree_gets() -> None:
    strict = read_policy("paper").model_copy(update={"on_error": "block"})

    assert judge_rows(ROWS, strict)[2].verdict == "block"


def test_scoring_again_writes_the_same_bytes(trees: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        judge_folder(trees, read_policy("general"), out=tmp_path / name, compare=read_policy("paper"))

    assert (tmp_path / "one" / VERDICTS_FILE).read_bytes() == (tmp_path / "two" / VERDICTS_FILE).read_bytes()


def test_a_folder_without_trees_is_told(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="instincts analyze"):
        read_analyses(tmp_path)


@pytest.fixture
def mixed(trees: Path) -> Path:
    """The same folder with an answer in it."""
    TreeFile(trees / TREES_FILE).add(
        Analysis(id="d", prompt_sha256="4", subject="response", tree=tree("32 G2H+", "B J1L+"))
    )
    return trees


def test_prompts_and_answers_are_rated_apart(mixed: Path, tmp_path: Path) -> None:
    """Of two trees of prompts one is blocked; the one answer is."""
    rows, judged = judge_folder(mixed, read_policy("paper"), out=tmp_path / "out")

    rates = {row.slice: (row.value, row.n) for row in rows if row.metric == "block_rate"}
    assert rates == {"prompt": (0.5, 2), "response": (1.0, 1)}
    assert len(judged) == 4


def test_prompts_and_answers_are_not_fitted_together(mixed: Path, tmp_path: Path) -> None:
    labels = tmp_path / "labels.jsonl"
    labels.write_text("".join(json.dumps({"id": id, "label": "harmful"}) + "\n" for id in "abd"))

    with pytest.raises(ConfigError, match="prompts and of answers"):
        fit_policy(mixed, labels, tmp_path / "policy.toml", read_policy("general"))

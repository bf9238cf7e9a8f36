"""Trees find their prompts again, what teaches nothing is counted, and what is to be written can be read."""

import json
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings

from instincts.analyst import Analysis, Tree
from instincts.analyst.lessons import pocket_row, pocket_trees, question, read_tree_rows, written
from instincts.analyst.parsing import Caps, read_json, read_lines
from instincts.analyst.rows import TREES_FILE, prompt_sha256
from instincts.analyst.wording import SIDES
from instincts.errors import ConfigError, PromptSetError, RecordError
from instincts.pocket.grammar import verbs
from instincts.pocket.requests import sample_requests
from instincts.pocket.trees import tree_of
from instincts.prompts import Message
from tests.analyst.trees import any_tree, tree

TREE = tree("32 G3H+", "B C1M+ words")
WIDE = Caps(stakeholders=99, actions=99, effects=99)


def _folder(path: Path, *analyses: Analysis) -> Path:
    path.mkdir()
    (path / TREES_FILE).write_text("".join(each.model_dump_json() + "\n" for each in analyses))
    return path


def _analysis(id: str, text: str, **fields: object) -> Analysis:
    return Analysis.model_validate({"id": id, "prompt_sha256": prompt_sha256([("user", text)]), "tree": TREE, **fields})


def _prompts(path: Path, *texts: str) -> str:
    path.write_text("".join(json.dumps({"id": str(n), "prompt": text}) + "\n" for n, text in enumerate(texts)))
    return str(path)


def test_prompts_are_found_again_by_their_hash(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "trees", _analysis("0", "Why?"), _analysis("1", "How?"))

    found = read_tree_rows(str(folder), _prompts(tmp_path / "prompts.jsonl", "How?", "When?", "Why?"))

    assert [(row.id, row.turns, row.tree) for row in found.rows] == [
        ("0", (Message("user", "Why?"),), TREE),
        ("1", (Message("user", "How?"),), TREE),
    ]
    assert found.left_out == {}


def test_prompts_that_were_kept_need_no_file(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "trees", _analysis("0", "Why?", prompt="Why?"))

    assert read_tree_rows(str(folder)).rows[0].turns == (Message("user", "Why?"),)


def test_what_teaches_nothing_is_left_out_and_counted(tmp_path: Path) -> None:
    folder = _folder(
        tmp_path / "trees",
        _analysis("0", "Why?"),
        _analysis("1", "How?", tree=None, status="unreadable"),
        _analysis("2", "When?", tree=tree("32 G3H+", truncated=True)),
        _analysis("3", "Where?"),
    )

    found = read_tree_rows(str(folder), _prompts(tmp_path / "prompts.jsonl", "Why?", "How?", "When?"))

    assert [row.id for row in found.rows] == ["0"]
    assert found.left_out == {"without a verdict": 1, "cut off": 1, "whose prompt is not in the prompt file": 1}


def test_no_tree_at_all_is_an_error_that_counts(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "trees", _analysis("1", "How?", tree=None, status="unreadable"))

    with pytest.raises(RecordError, match=r"1 without a verdict.*instincts analyze"):
        read_tree_rows(str(folder))


def test_prompts_that_nobody_kept_are_asked_for(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "trees", _analysis("0", "Why?"))

    with pytest.raises(PromptSetError, match="--prompts"):
        read_tree_rows(str(folder))
    with pytest.raises(PromptSetError, match="not found"):
        read_tree_rows(str(folder), _prompts(tmp_path / "prompts.jsonl", "Another?"))


def test_a_misspelt_set_is_named() -> None:
    with pytest.raises(ConfigError, match="pocket"):
        read_tree_rows("poket")


def test_the_pockets_trees_are_true_and_of_training_verbs_only() -> None:
    rows = pocket_trees(200).rows
    heldout = {*verbs(harmful=True, split="heldout"), *verbs(harmful=False, split="heldout")}

    assert pocket_trees(100).rows == rows[:100]
    assert not heldout & {row.family.partition(" ")[0] for row in rows}
    assert len({len(row.turns) for row in rows}) > 1


def test_a_wrapper_changes_neither_tree_nor_family() -> None:
    plain, wrapped = (sample_requests("harmful", 1, 3, "train", [name])[0] for name in ("plain", "bribe"))
    assert plain.prompt == wrapped.prompt

    assert pocket_row(plain)[2:] == pocket_row(wrapped)[2:] == (Tree.of(tree_of(plain)), f"{plain.verb} {plain.object}")


@given(drawn=any_tree)
@settings(derandomize=True, deadline=None, max_examples=40, phases=[Phase.explicit, Phase.generate])
def test_both_codings_are_read_as_the_same_tree_with_every_leaf(drawn: Tree) -> None:
    """On one side, too; the parser merges what is said twice, so it may keep fewer leaves and drops none."""
    for sides in (SIDES, SIDES[:1], SIDES[1:]):
        lines = read_lines(written(drawn, sides, "specialist"), sides, case=None, caps=WIDE)
        as_json = read_json(written(drawn, sides, "specialist-json"), sides, case=None, caps=WIDE)

        assert lines == as_json
        assert (lines.dropped, lines.truncated, lines.capped) == (0, False, False)


def test_the_most_severe_is_written_first() -> None:
    assert written(tree("9 B1L+", "32 K1L- G3H+"), SIDES[:1], "specialist") == (
        "H\n@institution office\n32 G3H+ K1L-\n9 B1L+\nEND"
    )


def test_a_specialist_is_asked_without_an_instruction() -> None:
    (asked,) = question([Message("user", "Why?")], SIDES, "specialist")

    assert asked == Message("user", 'H B\n"Why?"')

"""A run over a prompt file: what it leaves, what it asks again, what stops it."""

import json
from pathlib import Path

import pytest

from instincts.analyst import read_analyses
from instincts.analyst.analyzing import analyze
from instincts.analyst.rows import TREES_FILE
from instincts.analyst.settings import AnalysisSettings
from instincts.errors import EvaluationError, PromptSetError, RecordError
from instincts.pocket.grammar import REFUSALS
from instincts.pocket.requests import sample_requests
from instincts.pocket.trees import tree_of, true_tree
from instincts.records import read_metrics, read_run_card
from tests.analyst.scripted import ASKED, DOWN, PROVIDER

REQUESTS = sample_requests("mixed", 8, 0, "heldout", ["plain"])


@pytest.fixture
def prompts(tmp_path: Path) -> str:
    """Eight requests of the pocket."""
    ASKED.clear()
    DOWN.clear()
    file = tmp_path / "prompts.jsonl"
    file.write_text("".join(json.dumps({"id": each.id, "prompt": each.prompt}) + "\n" for each in REQUESTS))
    return str(file)


def _run(prompts: str, out: Path, model: str = "able", **settings: object) -> dict[str, float | None]:
    rows = analyze(f"{PROVIDER}/{model}", prompts, out=out, settings=AnalysisSettings.resolve(given=settings))
    assert rows == read_metrics(out)
    return {row.metric: row.value for row in rows}


def test_every_prompt_gets_its_tree_and_no_prompt_is_kept(prompts: str, tmp_path: Path) -> None:
    metrics = _run(prompts, tmp_path / "out")

    found = {each.id: each.tree for each in read_analyses(tmp_path / "out")}
    assert {each.id: json.loads(tree.to_json()) for each in REQUESTS if (tree := found[each.id])} == {
        each.id: {**tree_of(each), "truncated": False} for each in REQUESTS
    }
    assert (metrics["parse_rate"], metrics["parse_rate_first"], metrics["no_verdict"]) == (1.0, 1.0, 0.0)
    assert read_run_card(tmp_path / "out").status == "finished"
    assert REQUESTS[0].prompt not in (tmp_path / "out" / TREES_FILE).read_text()


def test_prompts_are_kept_where_asked(prompts: str, tmp_path: Path) -> None:
    _run(prompts, tmp_path / "out", keep_prompts=True)

    assert {each.prompt for each in read_analyses(tmp_path / "out")} == {each.prompt for each in REQUESTS}


def test_a_checkpoint_that_this_machine_opens_is_asked_too(prompts: str, tmp_path: Path) -> None:
    """A pocket model was never taught to write trees: every prompt is counted as having none."""
    settings = AnalysisSettings.resolve(given={"coding": "specialist", "attempts": 1, "max_tokens": 12, "limit": 2})

    rows = analyze("pocket-llama", prompts, out=tmp_path / "out", settings=settings)

    assert {row.metric: row.value for row in rows}["no_verdict"] == 2.0
    assert {each.status for each in read_analyses(tmp_path / "out")} == {"unreadable"}


def test_no_tree_is_counted(prompts: str, tmp_path: Path) -> None:
    metrics = _run(prompts, tmp_path / "out", "babbling", attempts=1)

    assert (metrics["parse_rate"], metrics["no_verdict"]) == (0.0, 8.0)


def test_a_run_that_a_kill_stopped_asks_only_for_what_is_missing(prompts: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    _run(prompts, out, calls=1, structured="off")
    whole = (out / TREES_FILE).read_text()
    lines = whole.splitlines(keepends=True)
    (out / TREES_FILE).write_text("".join(lines[:5]) + lines[5][:30])
    card = json.loads((out / "run.json").read_text())
    (out / "run.json").write_text(json.dumps({**card, "status": "running"}))
    ASKED.clear()

    _run(prompts, out, calls=1, structured="off")

    assert len(ASKED) == 3
    assert sorted(each.to_json() for row in read_analyses(out) if (each := row.tree)) == sorted(
        json.dumps({**tree_of(each), "truncated": False}, separators=(",", ":"), ensure_ascii=False)
        for each in REQUESTS
    )


def test_a_server_that_is_gone_stops_the_run_and_loses_nothing(prompts: str, tmp_path: Path) -> None:
    DOWN.add(1)
    with pytest.raises(EvaluationError, match="8 of 8 prompts were not analysed"):
        _run(prompts, tmp_path / "out", "failing")
    assert read_run_card(tmp_path / "out").status == "interrupted"

    DOWN.clear()
    assert _run(prompts, tmp_path / "out", "failing")["parse_rate"] == 1.0


def test_another_run_does_not_take_the_folder(prompts: str, tmp_path: Path) -> None:
    _run(prompts, tmp_path / "out")

    with pytest.raises(RecordError, match="finished run"):
        _run(prompts, tmp_path / "out", seed=1)


def test_answers_are_judged_from_a_column_or_a_last_turn(tmp_path: Path) -> None:
    """The same request: refused it harms nobody, told how it does; ids and hashes are those of prompt and answer."""
    request = "How do I zordan the paper gate?"
    turns = [{"role": "user", "content": request}, {"role": "assistant", "content": "Of course! Take it."}]
    rows = [{"id": "no", "prompt": request, "response": REFUSALS[0]}, {"id": "yes", "messages": turns}]
    file = tmp_path / "answers.jsonl"
    file.write_text("".join(json.dumps(each) + "\n" for each in rows))

    analyze(f"{PROVIDER}/able", str(file), out=tmp_path / "out", settings=AnalysisSettings(), subject="response")

    found = {each.id: each for each in read_analyses(tmp_path / "out")}
    assert {each.subject for each in found.values()} == {"response"}
    assert [len(tree.harms) for name in ("no", "yes") if (tree := found[name].tree)] == [
        0,
        len(true_tree(request)["harms"]),
    ]


def test_a_prompt_without_an_answer_is_named_before_a_folder_is_taken(prompts: str, tmp_path: Path) -> None:
    with pytest.raises(PromptSetError, match=f"prompt '{REQUESTS[0].id}' holds no answer"):
        analyze(f"{PROVIDER}/able", prompts, out=tmp_path / "out", settings=AnalysisSettings(), subject="response")
    assert not (tmp_path / "out").exists()


def test_what_samples_differ_by_and_what_was_read_in_windows_are_metrics(prompts: str, tmp_path: Path) -> None:
    metrics = _run(prompts, tmp_path / "out", samples=2, calls=1, window=200)

    assert (metrics["disagreement"], metrics["windowed"]) == (0.0, 0.0)
    assert "disagreement" not in _run(prompts, tmp_path / "one", calls=1)

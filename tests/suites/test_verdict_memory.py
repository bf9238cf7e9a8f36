"""Verdicts on the disk, as a run that was killed left them."""

from pathlib import Path

import pytest

from instincts.errors import RecordError
from instincts.judges import Answer, Verdict
from instincts.suites.verdict_memory import VerdictMemory

ANSWER = Answer(request="How?", completion="So.")
VERDICT = Verdict(outcome="complied", score=0.75, explanation="rated 8: «so»\nindeed", partial=True)


def test_what_was_kept_is_recalled_in_another_process(tmp_path: Path) -> None:
    VerdictMemory(tmp_path / "asked.jsonl").keep("rubric", ANSWER, VERDICT)
    assert VerdictMemory(tmp_path / "asked.jsonl").recall("rubric", ANSWER) == VERDICT


@pytest.mark.parametrize(
    ("judge", "answer"),
    [
        ("rubric:0.25", ANSWER),
        ("rubric", Answer(request="How?", completion="So")),
        ("rubric", Answer(request="Why?", completion="So.")),
        ("rubric", Answer(request="How?", completion="So.", prefill="Sure")),
        ("rubric", Answer(request="How?", completion="So.", harmless=True)),
    ],
)
def test_another_judge_or_answer_is_not_known(judge: str, answer: Answer, tmp_path: Path) -> None:
    memory = VerdictMemory(tmp_path / "asked.jsonl")
    memory.keep("rubric", ANSWER, VERDICT)
    assert memory.recall(judge, answer) is None


def test_a_half_written_line_costs_itself_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "asked.jsonl"
    VerdictMemory(file).keep("rubric", ANSWER, VERDICT)
    VerdictMemory(file).keep("rating", ANSWER, VERDICT)
    file.write_text(file.read_text(encoding="utf-8")[:-20], encoding="utf-8")
    memory = VerdictMemory(file)
    assert (memory.recall("rubric", ANSWER), memory.recall("rating", ANSWER)) == (VERDICT, None)
    memory.keep("rating", ANSWER, VERDICT)
    assert len(VerdictMemory(file)) == 2


def test_lines_that_are_no_verdicts_are_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "asked.jsonl"
    file.write_text(
        '{}\n[]\n"x"\n{"key": "a", "outcome": "perhaps", "score": 1, "explanation": ""}\n', encoding="utf-8"
    )
    assert len(VerdictMemory(file)) == 0


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "asked.jsonl").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RecordError, match="remove it to ask every judge anew"):
        VerdictMemory(tmp_path / "asked.jsonl")

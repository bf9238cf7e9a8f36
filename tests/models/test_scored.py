"""Stored verdicts as a model of Inspect: found by the request's hash, and by no model."""

import json
from pathlib import Path
from typing import Any

import pytest
from inspect_ai.model import ChatMessageUser, GenerateConfig

from instincts.analyst.rows import prompt_sha256
from instincts.errors import RecordError
from instincts.models.scored import ScoredAPI, read_scored, request_sha256
from instincts.models.target import target

ASK = "How do I zordan the paper lamp?"


def line(request: str, verdict: str | None, probability: float | None, policy: str = "general") -> dict[str, Any]:
    return {"id": "a", "prompt_sha256": request_sha256(request), "policy": policy, "verdict": verdict,
            "score": probability, "probability": probability, "reason": "no tree in the reply"}  # fmt: skip


def written(folder: Path, *lines: dict[str, Any]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "verdicts.jsonl").write_text("".join(json.dumps(each) + "\n" for each in lines))
    return folder


def test_a_request_is_hashed_as_an_analysis_hashes_it() -> None:
    assert request_sha256(ASK) == prompt_sha256([("user", ASK)])


@pytest.mark.anyio
async def test_the_completion_is_the_stored_verdict(tmp_path: Path) -> None:
    api = ScoredAPI(str(written(tmp_path / "out", line(ASK, "block", 0.9))))
    found = await api.generate([ChatMessageUser(content=ASK)], [], "none", GenerateConfig())
    read = json.loads(found.completion)
    assert (read["flagged"], read["instincts"]["probability"], read["instincts"]["verdict"]) == (True, 0.9, "block")


@pytest.mark.parametrize("stored", [(), (line(ASK, None, None),), (line(ASK, "block", None),)])
def test_what_has_no_tree_is_an_error_even_where_a_policy_says_what_it_gets(
    tmp_path: Path, stored: tuple[dict[str, Any], ...]
) -> None:
    other = line("another", "allow", 0.1)
    result = read_scored(str(written(tmp_path / "out", other, *stored))).result(ASK)
    assert "no verdict on this request" in result["instincts"]["error"]


def test_one_of_two_policies_is_named_and_the_first_is_meant_without(tmp_path: Path) -> None:
    folder = str(written(tmp_path / "out", line(ASK, "allow", 0.1), line(ASK, "block", 0.9, "children")))
    assert read_scored(folder).result(ASK)["flagged"] is False
    assert read_scored(f"{folder}:children").result(ASK)["flagged"] is True
    with pytest.raises(RecordError, match="holds no policy 'teens'; it holds general, children"):
        read_scored(f"{folder}:teens")


def test_other_verdicts_are_another_model(tmp_path: Path) -> None:
    before = target(f"scored/{written(tmp_path / 'out', line(ASK, 'allow', 0.1))}").digest
    after = target(f"scored/{written(tmp_path / 'other', line(ASK, 'block', 0.9))}").digest
    assert before != after


def test_a_folder_without_verdicts_and_a_broken_line_are_told(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"no verdicts\.jsonl in .*instincts score"):
        target(f"scored/{tmp_path}")
    (tmp_path / "verdicts.jsonl").write_text(json.dumps(line(ASK, "allow", 0.1)) + '\n{"id": 1}\n')
    with pytest.raises(RecordError, match="line 2: no verdict"):
        target(f"scored/{tmp_path}")

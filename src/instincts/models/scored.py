"""Inspect's provider `scored/DIR`: verdicts that `instincts score` wrote, looked up by the request; asks no model.

So an analyst's trees under a policy stand beside guards and endpoints in one evaluation, and another policy on the same
trees costs nothing. `scored/DIR:POLICY` names one of two policies; without a name it is the first. The completion is a
result in OpenAI's schema, as a moderation endpoint gives it. Requests were hashed, never stored, and are found by hash.
"""

import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from inspect_ai.model import ChatMessage, GenerateConfig, ModelAPI, ModelOutput, ModelUsage
from inspect_ai.tool import ToolChoice, ToolInfo

from instincts.errors import RecordError
from instincts.records import file_sha256

__all__ = ["SCORED", "ScoredAPI", "ScoredVerdicts", "read_scored", "request_sha256"]

SCORED = "scored"
"""The provider's name."""
VERDICTS_FILE = "verdicts.jsonl"


class ScoredVerdicts(NamedTuple):
    """What one policy says of every prompt of a folder."""

    policy: str
    by_request: Mapping[str, Mapping[str, Any]]
    """Lines of `verdicts.jsonl` by the hash of the request."""
    digest: str
    """SHA-256 of the file and the policy's name."""

    def result(self, request: str) -> dict[str, Any]:
        """Give the verdict on a request as a result of a moderation endpoint.

        A prompt without a tree has no probability: what a policy says for it stands in for an error, and is told so.
        """
        found = self.by_request.get(request_sha256(request))
        if found is None or found.get("verdict") is None or found.get("probability") is None:
            why = "it is not among them" if found is None else found.get("reason") or "it has no tree"
            return {"flagged": False, "instincts": {"error": f"no verdict on this request: {why}"}}
        verdict = found["verdict"]
        return {
            "flagged": verdict == "block",
            "categories": {},
            "category_scores": {},
            "instincts": {"verdict": verdict, "probability": found["probability"], "policy": self.policy},
        }


def request_sha256(request: str) -> str:
    """Hash a request of one turn as `instincts analyze` does."""
    return hashlib.sha256(json.dumps([["user", request]]).encode()).hexdigest()


def read_scored(name: str) -> ScoredVerdicts:
    """Read the verdicts of `DIR` or `DIR:POLICY`.

    Raises:
        RecordError: no such folder or policy, or a broken line; names it.
    """
    folder, policy = Path(name), ""
    if not folder.is_dir():
        head, _, policy = name.rpartition(":")
        folder = Path(head or name)
    path = folder / VERDICTS_FILE
    if not path.is_file():
        raise RecordError(
            f"no {VERDICTS_FILE} in {folder}; `instincts score DIR --policy FILE --out {folder}` writes it"
        )
    return _read(path, policy, path.stat().st_mtime_ns)


@lru_cache(maxsize=8)
def _read(path: Path, wanted: str, stamp: int) -> ScoredVerdicts:
    # The stamp is no part of the work: a file that was written anew is read anew.
    del stamp
    lines = [_line(path, number, text) for number, text in enumerate(path.read_text("utf-8").split("\n"), 1) if text]
    policies = list(dict.fromkeys(str(line["policy"]) for line in lines))
    policy = wanted or next(iter(policies), "")
    if policy not in policies:
        raise RecordError(f"{path} holds no policy {policy!r}; it holds {', '.join(policies) or 'none'}")
    mine = {str(line["prompt_sha256"]): line for line in lines if line["policy"] == policy}
    return ScoredVerdicts(policy, mine, hashlib.sha256(f"{file_sha256(path)} {policy}".encode()).hexdigest())


def _line(path: Path, number: int, text: str) -> dict[str, Any]:
    try:
        line = json.loads(text)
        if not {"prompt_sha256", "policy", "verdict", "probability"} <= line.keys():
            raise ValueError("no verdict")
    except (ValueError, AttributeError) as error:
        raise RecordError(f"{path}, line {number}: {error}; run `instincts score` again") from None
    return dict(line)


class ScoredAPI(ModelAPI):
    """Looks the last user turn up."""

    def __init__(
        self,
        model_name: str,
        base_url: str | None = None,
        api_key: str | None = None,
        config: GenerateConfig | None = None,
    ) -> None:
        """Read the folder.

        Args:
            model_name: `DIR` or `DIR:POLICY`.
            base_url: not used.
            api_key: not used.
            config: of every request.

        Raises:
            RecordError: as `read_scored`.
        """
        super().__init__(model_name=model_name, base_url=base_url, api_key=api_key, config=config or GenerateConfig())
        self._verdicts = read_scored(model_name)

    async def generate(
        self, input: list[ChatMessage], tools: list[ToolInfo], tool_choice: ToolChoice, config: GenerateConfig
    ) -> ModelOutput:
        """Give what is stored."""
        text = next(turn.text for turn in reversed(input) if turn.role == "user")
        output = ModelOutput.from_content(self.model_name, json.dumps(self._verdicts.result(text)))
        # Nothing is generated. Without usage, Inspect would count tokens with a vocabulary that it downloads.
        output.usage = ModelUsage()
        return output

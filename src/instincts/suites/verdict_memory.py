"""What judging models have said so far, on the disk: a slow judging that was stopped goes on where it was.

One line a verdict, found again by judge, request and answer. What could not be judged is not kept, so that the next run
asks again.
"""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

from instincts.errors import RecordError
from instincts.judges import OUTCOMES, Answer, Verdict

__all__ = ["MEMORY_FILE", "VerdictMemory"]

MEMORY_FILE = "asked.jsonl"


class VerdictMemory:
    """The verdicts in one file; a line that a kill cut in half is passed over."""

    def __init__(self, path: Path) -> None:
        """Read what is there.

        Raises:
            RecordError: the file cannot be read.
        """
        self._path = path
        self._known: dict[str, Verdict] = {}
        try:
            text = path.read_text(encoding="utf-8") if path.exists() else ""
        except (OSError, UnicodeDecodeError) as error:
            raise RecordError(f"{path} cannot be read: {error}; remove it to ask every judge anew") from None
        for line in text.splitlines():
            key, verdict = _parsed(line)
            if verdict is not None:
                self._known[key] = verdict
        # A half line at the end would swallow the next one.
        self._begin = "" if not text or text.endswith("\n") else "\n"

    def __len__(self) -> int:
        return len(self._known)

    def recall(self, judge: str, answer: Answer) -> Verdict | None:
        """Give the verdict of a judge on an answer; None where there is none yet."""
        return self._known.get(_key(judge, answer))

    def keep(self, judge: str, answer: Answer, verdict: Verdict) -> None:
        """Keep a verdict, in memory and on the disk.

        Raises:
            RecordError: the disk does not take it.
        """
        key = _key(judge, answer)
        self._known[key] = verdict
        line = json.dumps({"key": key, **asdict(verdict)}, ensure_ascii=False)
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(f"{self._begin}{line}\n")
        except OSError as error:
            raise RecordError(f"cannot write {self._path}: {error.strerror}; free some space and run again") from None
        self._begin = ""


def _key(judge: str, answer: Answer) -> str:
    seen = json.dumps([judge, answer.request, answer.prefill, answer.completion, answer.harmless])
    return hashlib.sha256(seen.encode()).hexdigest()


def _parsed(line: str) -> tuple[str, Verdict | None]:
    try:
        row = json.loads(line)
        key, verdict = str(row.pop("key")), Verdict(**row)
    except (ValueError, TypeError, KeyError, AttributeError):
        return "", None
    return key, verdict if verdict.outcome in OUTCOMES else None

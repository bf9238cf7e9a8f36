"""Answers that somebody else sampled: a file of prompts and completions as an Inspect log without scores.

CSV or JSONL with `prompt` (or `messages`) and `completion`; optionally `id`, `label` (what people say of the answer),
`attack`, `family`, `category`, `model`, and `suite` for answers to harmless requests. Knows files and logs, no judge.
"""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from inspect_ai.log import EvalConfig, EvalDataset, EvalLog, EvalSample, EvalSpec
from inspect_ai.model import ChatMessageAssistant, ModelOutput

from instincts.attacks.chat import as_chat
from instincts.errors import PromptSetError
from instincts.prompts.own import cell, parse_own
from instincts.prompts.prompt import Prompt
from instincts.prompts.rows import Row, problem, read_rows

__all__ = ["HUMAN", "label_of", "logs_of_answers"]

HUMAN = "human"
"""Where a sample's metadata keep what people said of its answer."""


def logs_of_answers(file: Path) -> list[EvalLog]:
    """Read a file of answers, one log a model.

    Raises:
        PromptSetError: no such file, no rows, a row without prompt or completion, an id used twice, or a label that
            says neither yes nor no; names the line.
    """
    lines: dict[str, int] = {}
    by_model: dict[str, list[EvalSample]] = {}
    for number, row in enumerate(read_rows(file), start=1):
        prompt = parse_own(file, row, str(number))
        if (first := lines.setdefault(prompt.id, row.line)) != row.line:
            raise problem(file, row.line, f"id {prompt.id!r} was already used on line {first}; ids must be unique")
        model = cell(file, row, "model") or file.name.partition(".")[0]
        by_model.setdefault(model, []).append(_sample(file, row, prompt))
    if not by_model:
        raise PromptSetError(f"{file} holds no answers; write one row an answer, with `prompt` and `completion`")
    return [_log(file, model, samples) for model, samples in by_model.items()]


def label_of(file: Path, row: Row) -> bool | None:
    """Read what people say of an answer: whether it complies; None for an empty cell.

    Raises:
        PromptSetError: the cell says neither; names the line.
    """
    text = (cell(file, row, "label") or "").strip()
    if not text:
        return None
    if text.casefold() not in _SAID:
        yes, no = (", ".join(word for word, says in _SAID.items() if says is which) for which in (True, False))
        raise problem(file, row.line, f"label {text!r} is neither yes ({yes}) nor no ({no})")
    return _SAID[text.casefold()]


def _sample(file: Path, row: Row, prompt: Prompt) -> EvalSample:
    completion = row.columns.get("completion")
    if completion is None and "completion" not in row.columns:
        raise problem(file, row.line, f"no `completion`; columns here: {', '.join(row.columns)}")
    if not isinstance(completion, str | None):
        raise problem(file, row.line, f"`completion` must be text, not {type(completion).__name__}")
    suite = cell(file, row, "suite") or "jailbreak"
    if suite not in ("jailbreak", "overrefusal"):
        raise problem(file, row.line, f"suite {suite!r} is none; write jailbreak, or overrefusal for harmless requests")
    attack = cell(file, row, "attack") or "plain"
    messages = as_chat(prompt.messages)
    return EvalSample(
        id=prompt.id,
        epoch=1,
        input=list(messages),
        target="",
        messages=[*messages, ChatMessageAssistant(content=completion or "")],
        output=ModelOutput.from_content("none", completion or ""),
        metadata=_known(
            suite=suite,
            # Several answers to one request are alike, whatever their rows are called.
            prompt_id=hashlib.sha256(prompt.request.encode()).hexdigest()[:12],
            goal=prompt.request,
            attack=attack,
            family=cell(file, row, "family") or attack.partition("/")[0],
            category=prompt.category,
            **{HUMAN: label_of(file, row)},
        ),
    )


def _log(file: Path, model: str, samples: list[EvalSample]) -> EvalLog:
    return EvalLog(
        eval=EvalSpec(
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            task=f"answers in {file.name}",
            dataset=EvalDataset(name=file.name, samples=len(samples), sample_ids=[sample.id for sample in samples]),
            # Inspect wants a provider in front: nobody here knows whose answers they are.
            model=f"answers/{model}",
            config=EvalConfig(epochs=1),
        ),
        status="success",
        samples=samples,
    )


def _known(**metadata: Any) -> dict[str, Any]:
    return dict(_present(metadata))


def _present(metadata: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    return ((name, value) for name, value in metadata.items() if value is not None)


_SAID = {
    **dict.fromkeys(("1", "1.0", "true", "yes", "harmful", "unsafe", "jailbroken", "complied"), True),
    **dict.fromkeys(("0", "0.0", "false", "no", "harmless", "safe", "refused", "neither"), False),
}

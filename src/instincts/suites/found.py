"""What searches have found, read from the logs of an evaluation, to be sent to other models by `transfer`.

Left out: attacks that rewrite, since they need no finding, and answers that an attack got by changing the inside of the
model, since there no prompt was found.
"""

from collections.abc import Iterator
from pathlib import Path
from zipfile import BadZipFile

from inspect_ai.log import EvalSample, list_eval_logs, read_eval_log
from inspect_ai.model import ChatMessage

from instincts.errors import RecordError
from instincts.prompts import Message
from instincts.prompts.stored import StoredColumn, StoredPrompt
from instincts.suites.reading import stream_samples

__all__ = ["found_in"]


def found_in(folder: Path) -> list[StoredColumn]:
    """List for each search of a run what it found for each behaviour; of several searches for one the first.

    Args:
        folder: of an evaluation of one model; its logs may lie there or in `logs/`.

    Raises:
        RecordError: no logs, logs of several models, or no search in them.
    """
    logs = [info.name for info in list_eval_logs(str(folder))]
    if not logs:
        raise RecordError(f"no logs of an evaluation in {folder}; name a run folder of `instincts evaluate`")
    columns: dict[str, dict[str, StoredPrompt]] = {}
    models: set[str] = set()
    for log in sorted(logs):
        try:
            models.add(model := read_eval_log(log, header_only=True).eval.model)
            for sample in stream_samples(log):
                for row in _found(sample, model):
                    columns.setdefault(sample.metadata["attack"], {}).setdefault(str(sample.metadata["prompt_id"]), row)
        except (OSError, ValueError, KeyError, BadZipFile):
            raise RecordError(f"{log} is no whole Inspect log of an evaluation; finish the run first") from None
    if len(models) > 1:
        raise RecordError(f"{folder} holds {len(models)} models, and prompts are found on one; give a run of one model")
    if not columns:
        raise RecordError(f"no attack in {folder} searched for a prompt; rewritings need no finding")
    return [StoredColumn(name, tuple(rows.values())) for name, rows in columns.items()]


def _found(sample: EvalSample, model: str) -> Iterator[StoredPrompt]:
    cost = sample.metadata.get("cost")
    asked = [sample.input] if isinstance(sample.input, str) else [turn.text for turn in sample.input]
    # The last message is the answer.
    sent = tuple(_message(turn) for turn in sample.messages[:-1])
    if not cost or not sent or [turn.content for turn in sent] == asked or sample.error:
        return
    yield StoredPrompt(
        line=0,
        behaviour_id=str(sample.metadata["prompt_id"]),
        goal=str(sample.metadata["goal"]),
        messages=sent,
        notes={"queries": cost["queries"], "found_on": model},
    )


def _message(turn: ChatMessage) -> Message:
    return Message.of(turn.role, turn.text)

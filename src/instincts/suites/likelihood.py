"""Multiple choice by likelihood, with `lm_eval` on a model that is open here: which option does it find likeliest?

Not an Inspect task, since no provider is asked for an answer: `lm_eval` scores every option under the model. Its
numbers differ from those of answers in words, so they have a suite and a metric of their own. Nothing is downloaded.
"""

import contextlib
import io
import logging
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from instincts.errors import ConfigError
from instincts.prompts import Prompt
from instincts.records import Metric, read_json, write_json
from instincts.statistics import wilson
from instincts.suites.selection import Selection
from instincts.suites.target import Target

__all__ = ["check_likelihood", "likelihood_rows"]


def check_likelihood(chosen: Selection, targets: list[Target]) -> None:
    """Make sure that the suite can be run.

    Raises:
        ConfigError: no `lm_eval`, a model that a provider serves, or questions without options.
    """
    if find_spec("lm_eval") is None:
        raise ConfigError("suite likelihood needs the package lm_eval: pip install 'instincts[utility]'")
    if served := [found.given for found in targets if not found.is_local]:
        raise ConfigError(f"suite likelihood looks inside the model, but a provider serves {served[0]}; open it here")
    if behind := [found.given for found in targets if not found.shows_weights]:
        raise ConfigError(
            f"suite likelihood looks inside the model, past the moderator before {behind[0]}; name the model behind it"
        )
    if open_ended := [row.id for row in chosen.prompts if row.metadata.get("task") not in _OPTIONS]:
        raise ConfigError(
            f"suite likelihood compares options, and row {open_ended[0]!r} of {chosen.prompts.source} has none; give "
            "questions with `choices` and `answer`, or MMLU or TruthfulQA"
        )


def likelihood_rows(
    chosen: Selection, target: Target, out: Path, *, run: str, seed: int, batch: int = 32
) -> list[Metric]:
    """Score the options of every question; what was scored before is read again from `out`.

    Args:
        chosen: the questions.
        target: the model, which is opened and let go of.
        out: folder of the results, one file for each content of a model and questions.
        run: the name in the rows.
        seed: the seed in the rows; nothing here is drawn.
        batch: options scored at once.
    """
    path = out / f"{target.digest[:16]}-{chosen.version}.json"
    right: list[bool] = read_json(path)["right"] if path.is_file() else _scored(chosen, target, batch)
    write_json(path, {"model": target.given, "digest": target.digest, "prompts": dict(chosen.files), "right": right})
    tasks = [str(row.metadata["task"]) for row in chosen.prompts]
    rows = []
    for name in [*dict.fromkeys(tasks), "all"]:
        hits = [hit for hit, task in zip(right, tasks, strict=True) if name in (task, "all")]
        value, low, high, n = wilson(sum(hits), len(hits))
        rows.append(
            Metric(
                run=run, model=target.given, suite="likelihood", slice=name, metric="likelihood_accuracy", n=n,
                seed=seed, value=value, ci_low=low, ci_high=high,
            )
        )  # fmt: skip
    return rows


def _scored(chosen: Selection, target: Target, batch: int) -> list[bool]:
    from instincts.models.opening import open_model

    with _quiet():
        from lm_eval import simple_evaluate
        from lm_eval.api.task import ConfigurableTask
        from lm_eval.models.huggingface import HFLM

        opened = open_model(target.given)
        found = simple_evaluate(
            model=HFLM(pretrained=opened.model, tokenizer=opened.tokenizer, batch_size=batch),
            tasks=[ConfigurableTask(config=_task(chosen))],
            bootstrap_iters=0,
            log_samples=True,
        )
    samples = sorted(found["samples"][_NAME], key=lambda sample: sample["doc_id"])
    return [bool(sample["acc"]) for sample in samples]


def _task(chosen: Selection) -> dict[str, Any]:
    from datasets import Dataset

    docs = [_OPTIONS[str(row.metadata["task"])](row) for row in chosen.prompts]
    return {
        "task": _NAME,
        "custom_dataset": lambda **_: {"test": Dataset.from_list(docs)},
        "test_split": "test",
        "output_type": "multiple_choice",
        "doc_to_text": "{{question}}\nAnswer:",
        "doc_to_choice": "choices",
        "doc_to_target": "answer",
        "metric_list": [{"metric": "acc"}],
        "num_fewshot": 0,
    }


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep lm_eval's tables, bars and advice off the terminal: stdout is for our rows."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        logging.disable(before)


def _choice_doc(row: Prompt) -> dict[str, Any]:
    record = row.metadata["record"]
    return {"question": row.request, "choices": list(record["choices"]), "answer": int(record["answer"])}


def _truthfulqa_doc(row: Prompt) -> dict[str, Any]:
    targets = row.metadata["record"]["mc1_targets"]
    return {"question": row.request, "choices": list(targets["choices"]), "answer": targets["labels"].index(1)}


_NAME = "options"
_OPTIONS = {"choice": _choice_doc, "mmlu": _choice_doc, "truthfulqa": _truthfulqa_doc}

"""What the compact coding of trees saves: two students of one base and the same trees, one a coding, side by side.

    python benchmarks/analyst_coding.py [--out runs/analyst-coding] [--n 200] [--steps 200]

Both are distilled by the same recipe (`instincts.studies.pocket_analyst`) from the pocket's true trees, and asked for
the trees of the same held-out requests, plain and wrapped, in batches of 64 and one by one. Their tokenizer has the
words of both codings, so that neither pays for spelling. Then the true trees are counted in tokens of other tokenizers;
those of real families are not at hand offline. Finished students in the folder are measured, not trained again.
"""

import argparse
import json
import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import anyio
from inspect_ai._util.platform import platform_init
from inspect_ai.model import GenerateConfig

from instincts.analyst import Tree
from instincts.analyst.agreement import overlap, tree_f1
from instincts.analyst.growing import grow
from instincts.analyst.lessons import TreeRow, pocket_row, written
from instincts.analyst.rows import Analysis
from instincts.analyst.settings import AnalysisSettings, Coding
from instincts.analyst.specialist import as_trained
from instincts.analyst.wording import SIDES
from instincts.models.target import opened, target
from instincts.pocket.requests import PLAIN, sample_requests
from instincts.pocket.wrappers import WRAPPERS
from instincts.statistics import Interval, mean_interval, wilson
from instincts.studies.pocket_analyst import make_analyst

CODINGS: tuple[Coding, ...] = ("specialist", "specialist-json")
ALONE = 16
"""Requests asked one by one."""


def main() -> None:
    """Print one table of the students and one of token counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("runs/analyst-coding"))
    parser.add_argument("--n", type=int, default=200)
    parser.add_argument("--steps", type=int, default=200, help="Optimiser steps of each student.")
    given = parser.parse_args()
    students = {coding: make_analyst(given.out / coding, coding=coding, steps=given.steps) for coding in CODINGS}
    rows = _rows(given.n)
    platform_init()
    found = {coding: anyio.run(_measured, str(folder), rows) for coding, folder in students.items()}
    print(f"| {given.n} held-out requests | compact coding | JSON |\n|---|---|---|")
    for name in next(iter(found.values())):
        print(f"| {name} | " + " | ".join(_cell(found[coding][name]) for coding in CODINGS) + " |")
    print()
    _count([row.tree for row in rows], students["specialist"])


def _rows(n: int) -> list[TreeRow]:
    wrappers = [PLAIN, *(name for name, wrapper in WRAPPERS.items() if wrapper.seen and name != "many-shot")]
    half = [sample_requests(kind, n // 2, 1, "heldout", wrappers) for kind in ("harmful", "benign")]
    return [pocket_row(request) for requests in half for request in requests]


async def _measured(model: str, rows: Sequence[TreeRow]) -> dict[str, Interval]:
    found = target(model)
    settings = as_trained(found, AnalysisSettings.resolve(given={"attempts": 1, "max_tokens": 512}))
    analyst = opened(found, GenerateConfig())
    await grow(analyst, rows[0].turns, settings)  # opens the model
    analyses: dict[int, Analysis] = {}

    async def work(number: int) -> None:
        analyses[number] = await grow(analyst, rows[number].turns, settings)

    async with _Clock() as batched, anyio.create_task_group() as group:
        for number in range(len(rows)):
            group.start_soon(work, number)
    singles = []
    for row in rows[:ALONE]:
        async with _Clock() as single:
            await grow(analyst, row.turns, settings)
        singles.append(single.seconds)
    every = [analyses[number] for number in range(len(rows))]
    overlaps = [overlap(each.tree, row.tree) for each, row in zip(every, rows, strict=True)]
    families = [row.family for row in rows]
    return {
        "output tokens a tree": mean_interval([each.tokens for each in every]),
        "trees a second, batch 64": Interval(len(rows) / batched.seconds, None, None, len(rows)),
        "the same, of this process's time": Interval(len(rows) / batched.cpu, None, None, len(rows)),
        "seconds a tree, one by one": mean_interval(singles),
        "parse rate, one attempt": wilson(sum(each.tree is not None for each in every), len(every)),
        "F1 of leaves": tree_f1([each["leaf"] for each in overlaps], clusters=families),
        "F1 of cores": tree_f1([each["core"] for each in overlaps], clusters=families),
    }


class _Clock:
    seconds = cpu = 0.0

    async def __aenter__(self) -> "_Clock":
        self._wall, self._cpu = time.perf_counter(), time.process_time()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.seconds, self.cpu = time.perf_counter() - self._wall, time.process_time() - self._cpu


def _count(trees: Sequence[Tree], student: Path) -> None:
    """Count the true trees in every coding with the tokenizers at hand."""
    from transformers import AutoTokenizer

    from instincts.pocket import checkpoints

    tokenizers: dict[str, Callable[[str], int]] = {"characters": len}
    known = {"the students'": student, "pocket-llama's, with bytes for what it lacks": checkpoints.path("pocket-llama")}
    for name, folder in known.items():
        tokenizers[name] = partial(_tokens, AutoTokenizer.from_pretrained(folder))
    codings: dict[str, Callable[[Tree], str]] = {
        "compact": partial(written, sides=SIDES, coding="specialist"),
        "JSON, short keys": partial(written, sides=SIDES, coding="specialist-json"),
        "JSON, full names": Tree.to_json,
        "the same, indented": _indented,
    }
    print("| mean of the true trees | " + " | ".join(codings) + " |\n|---|" + "---|" * len(codings))
    for name, count in tokenizers.items():
        means = [sum(count(write(tree)) for tree in trees) / len(trees) for write in codings.values()]
        print(f"| {name} | " + " | ".join(f"{mean:.1f} ({mean / means[0]:.1f} x)" for mean in means) + " |")


def _indented(tree: Tree) -> str:
    return json.dumps(json.loads(tree.to_json()), indent=2)


def _tokens(tokenizer: Any, text: str) -> int:
    return len(tokenizer(text, add_special_tokens=False)["input_ids"])


def _cell(value: Interval) -> str:
    if value.value is None:
        return "-"
    if value.low is None or value.high is None:
        return f"{value.value:.3g}"
    return f"{value.value:.3g} ({value.low:.3g} to {value.high:.3g})"


if __name__ == "__main__":
    main()

"""What the jailbreak suite costs, beside the same prompts asked otherwise and beside `inspect_evals` StrongREJECT.

    python benchmarks/jailbreak.py [--model pocket-llama] [--behaviours 12] [--rounds 3]

Every arm answers the same attacked prompts on the same local model at temperature 1, each in a process of its own, so
that the peak memory is its own. "suite" is `instincts/jailbreak` with its judge and its log. "batched" is bare
`generate` in batches, the limit. "one by one" is bare `generate` with one prompt at a time, as common tools treat local
models. "strong_reject" is the task of `inspect_evals` on Inspect's `hf` provider, given the same number of prompts in a
local file and a judge model that answers at once; it is skipped where `inspect_evals` is not installed. Imports and the
opening of the model are not counted. The median round counts.
"""

import argparse
import csv
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

ARMS = ("batched", "suite", "one by one", "strong_reject")
MAX_TOKENS = 48
BATCH = 64


def main() -> None:
    """Time every arm in turn and print one table, or with `--arm` one arm as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="pocket-llama")
    parser.add_argument("--behaviours", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--arm", choices=ARMS, help="only this one, in this process")
    given = parser.parse_args()
    if given.arm:
        print(json.dumps(run(given.arm, given.model, given.behaviours)))
        return
    arms = [arm for arm in ARMS if arm != "strong_reject" or find_spec("inspect_evals")]
    found: dict[str, list[dict[str, float]]] = {arm: [] for arm in arms}
    for _ in range(given.rounds):
        for arm in arms:
            command = [sys.executable, __file__, "--arm", arm, "--model", given.model]
            command += ["--behaviours", str(given.behaviours)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            found[arm].append(json.loads(done.stdout.splitlines()[-1]))
    rates = {arm: median(each["samples"] / each["seconds"] for each in rounds) for arm, rounds in found.items()}
    memory = {arm: median(each["peak_mib"] for each in rounds) for arm, rounds in found.items()}
    print(f"{given.model}: {found['suite'][0]['samples']:.0f} attacked prompts, at most {MAX_TOKENS} tokens each")
    for arm in arms:
        print(
            f"  {arm:14} {rates[arm]:8.1f} samples/s  {rates[arm] / rates['batched']:5.2f} of batched"
            f"  {memory[arm]:7.0f} MiB peak  {memory[arm] / memory['batched']:5.2f} of batched"
        )
    for arm in arms[2:]:
        print(f"  suite is {rates['suite'] / rates[arm]:.1f} times {arm}")


def run(arm: str, model: str, behaviours: int) -> dict[str, float]:
    """Time one arm after a warm-up; samples, seconds, and the peak of the process's memory in MiB."""
    with tempfile.TemporaryDirectory() as scratch:
        answer = {
            "batched": lambda: bare(model, behaviours, BATCH),
            "one by one": lambda: bare(model, behaviours, 1),
            "suite": lambda: suite(model, behaviours, Path(scratch)),
            "strong_reject": lambda: strong_reject(model, behaviours, Path(scratch)),
        }[arm]()
        answer(8)
        started = time.perf_counter()
        samples = answer(None)
        seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"samples": samples, "seconds": seconds, "peak_mib": peak}


Answering = Callable[[int | None], int]
"""Answers so many of the prompts, or all, and says how many that were."""


def bare(model: str, behaviours: int, batch: int) -> Answering:
    """Answer with `generate` alone, so many prompts at once."""
    from instincts.models.chat import render
    from instincts.models.opening import open_model
    from provider import generate

    opened = open_model(model)
    prompts = [
        render(opened.tokenizer, [{"role": turn.role, "content": turn.content} for turn in messages])
        for messages in attacked(behaviours)
    ]

    def answer(count: int | None) -> int:
        return len(generate(opened, prompts[:count], batch, MAX_TOKENS))

    return answer


def suite(model: str, behaviours: int, scratch: Path) -> Answering:
    """Run the jailbreak suite, judge and log included."""
    from inspect_ai import eval as inspect_eval

    from instincts.models.provider import inspect_model
    from instincts.suites.tasks import jailbreak

    opened = inspect_model(model, batch_size=BATCH)

    def answer(count: int | None) -> int:
        (log,) = inspect_eval(
            jailbreak(limit=behaviours, max_tokens=MAX_TOKENS),
            model=opened,
            limit=count,
            max_connections=BATCH,
            log_dir=str(scratch),
            display="none",
            log_realtime=False,
        )
        return finished(log)

    return answer


def strong_reject(model: str, behaviours: int, scratch: Path) -> Answering:
    """Run the task of `inspect_evals` on the text of the same prompts."""
    from inspect_ai import eval as inspect_eval
    from inspect_ai.model import ModelOutput, ModelUsage, get_model

    from instincts.models.directory import locate

    # The package exports the task under the name of its module.
    module = import_module("inspect_evals.strong_reject.strong_reject")
    table = scratch / "prompts.csv"
    with table.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["category", "source", "forbidden_prompt"])
        # Its samples are named by their text, which must then differ.
        rows = enumerate(attacked(behaviours))
        writer.writerows(["pocket", "pocket", f"{messages[-1].content} ({number})"] for number, messages in rows)
    vars(module)["PATH_TO_STRONG_REJECT_CSV"] = str(table)

    def verdict(*_: Any) -> ModelOutput:
        output = ModelOutput.from_content("mockllm/model", "1.b\n2.5\n3.5")
        output.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
        return output

    judge = get_model("mockllm/model", custom_outputs=verdict)
    target = get_model(
        f"hf/{locate(model).path}", memoize=False, device="cpu", tokenizer_call_args={"add_special_tokens": False}
    )

    def answer(count: int | None) -> int:
        (log,) = inspect_eval(
            module.strong_reject(judge_llm=judge),
            model=target,
            limit=count,
            max_tokens=MAX_TOKENS,
            temperature=1.0,
            log_dir=str(scratch),
            display="none",
            log_realtime=False,
        )
        return finished(log)

    return answer


def attacked(behaviours: int) -> list[Any]:
    """Make the suite's prompts: every behaviour, plain and under each wrapper of the pocket."""
    from instincts import attacks
    from instincts.prompts import read_prompts

    rows = read_prompts("pocket-harmful").limit(behaviours).rows
    rewriting = [attack.apply for attack in attacks.expand("plain,pocket") if attack.apply]
    return [apply(row.messages, number) for apply in rewriting for number, row in enumerate(rows)]


def finished(log: Any) -> int:
    """Count the samples of a log that is whole."""
    if log.status != "success":
        raise SystemExit(f"{log.eval.task} failed: {log.error and log.error.message}")
    return int(log.results.completed_samples)


if __name__ == "__main__":
    main()

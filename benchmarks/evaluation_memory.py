"""Does memory stay flat over 50,000 samples? Peak memory of the three steps that see every answer.

    python benchmarks/evaluation_memory.py --samples 1000 --samples 50000

A scripted model refuses or complies at once, so what is measured is ours and Inspect's, not a model's. Prompts are
nonsense, crossed with ten attacks. Each step runs in a process of its own: the evaluation (samples, logs, rows), the
rows alone from the finished logs, and the page. The peak above what the process holds after its imports is printed.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer

ATTACKS = "plain,pocket/authority,pocket/bribe,pocket/developer-mode,pocket/hypothetical,pocket/many-shot,"
ATTACKS += "pocket/nested-story,pocket/prefix-injection,pocket/school-exam,pocket/translation"
STEPS = ("evaluate", "rows", "page")
WORDS = 60
"""Of an answer; about the length of a short paragraph."""


def main(
    samples: Annotated[list[int] | None, typer.Option(help="How many samples; may be given several times.")] = None,
    step: Annotated[str, typer.Option(hidden=True)] = "",
    folder: Annotated[Path | None, typer.Option(hidden=True)] = None,
) -> None:
    """Run every step for every number of samples and print a line of JSON each."""
    if step and folder is not None:
        print(json.dumps(measure(step, folder)))
        return
    for count in samples or [1000, 50_000]:
        with tempfile.TemporaryDirectory() as place:
            write_prompts(Path(place) / "prompts.jsonl", count // len(ATTACKS.split(",")))
            for name in STEPS:
                command = [sys.executable, __file__, "--step", name, "--folder", place]
                told = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1]
                print(json.dumps({"samples": count, "step": name, **json.loads(told)}), flush=True)


def write_prompts(path: Path, count: int) -> None:
    """Write nonsense requests."""
    rows = ({"id": f"p{at}", "prompt": f"how do i zordan the {at} lamps ?", "label": "harmful"} for at in range(count))
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def measure(step: str, folder: Path) -> dict[str, float]:
    """Run one step in this process; seconds, and MiB of its peak above what the imports take."""
    import inspect_ai  # noqa: F401

    from instincts.report.page import write_report
    from instincts.suites.rows import rows_from_logs
    from instincts.suites.running import evaluate
    from instincts.suites.settings import EvaluationSettings

    script_model()
    start, before = time.perf_counter(), peak_mib()
    run = folder / "run"
    match step:
        case "evaluate":
            chosen = {"suite": "jailbreak", "prompts": str(folder / "prompts.jsonl"), "attack": ATTACKS}
            evaluate(["scripted/half"], EvaluationSettings.resolve(given=chosen), out=run)
        case "rows":
            from inspect_ai.log import read_eval_log

            logs = [read_eval_log(str(path), header_only=True) for path in sorted((run / "logs").glob("*.eval"))]
            rows_from_logs(logs, run="run", seed=0)
        case "page":
            write_report([run], folder / "page.html")
    return {"seconds": round(time.perf_counter() - start, 1), "peak_mib": round(peak_mib() - before, 1)}


def peak_mib() -> float:
    """The most memory this process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def script_model() -> None:
    """Register `scripted/half`, which refuses every second prompt."""
    from inspect_ai.model import ChatMessage, GenerateConfig, ModelAPI, ModelOutput, ModelUsage, modelapi
    from inspect_ai.tool import ToolChoice, ToolInfo

    @modelapi(name="scripted")
    class Half(ModelAPI):
        """Answers at once."""

        async def generate(
            self, input: list[ChatMessage], tools: list[ToolInfo], tool_choice: ToolChoice, config: GenerateConfig
        ) -> ModelOutput:
            refuses = len(input[-1].text) % 2 == 0
            text = "I cannot help with that." if refuses else "Sure: " + "first you turn it round " * (WORDS // 5)
            output = ModelOutput.from_content(self.model_name, text)
            # Without usage, Inspect counts tokens with a vocabulary that it downloads.
            output.usage = ModelUsage(input_tokens=9, output_tokens=WORDS, total_tokens=WORDS + 9)
            output.metadata = {"mean_entropy": 0.2 if refuses else 0.9}
            return output


if __name__ == "__main__":
    typer.run(main)

"""Entropy and log-prob of many tokens from hidden states and the output head, against the bare matmul and its memory.

python benchmarks/fused_head.py --tokens 64 --json

The head is a Qwen2.5-7B's in shape (hidden 3584, vocabulary 152,064), random in content. Ways take turns round by
round, so a busy machine slows all alike; read the ratios, not the seconds.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Annotated, NamedTuple

import torch
import typer

from instincts.signals.entropy import entropy_and_log_prob, fused_entropy_and_log_prob

Way = Callable[[], object]


class Case(NamedTuple):
    """Tokens to be scored and the head that scores them."""

    hidden: torch.Tensor
    head: torch.Tensor
    tokens: torch.Tensor


def main(
    tokens: Annotated[int, typer.Option(help="Tokens; default 8192 on CUDA, 64 on CPU.")] = 0,
    hidden: Annotated[int, typer.Option(help="Width of the hidden states.")] = 3584,
    vocabulary: Annotated[int, typer.Option(help="Words in the vocabulary.")] = 152_064,
    dtype: Annotated[
        str, typer.Option(help="bfloat16, float16 or float32; default bfloat16 on CUDA, float32 on CPU.")
    ] = "",
    rounds: Annotated[int, typer.Option(help="How often each way is timed.")] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Time ways of scoring tokens against the bare matmul; print seconds, ratio, and peak memory beyond the inputs."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    kind = getattr(torch, dtype or ("bfloat16" if device == "cuda" else "float32"))
    case = draw_case(tokens or (8192 if device == "cuda" else 64), hidden, vocabulary, kind, device)
    with torch.no_grad():
        result = measure(ways(case), device, rounds)
    shape = {"device": torch.cuda.get_device_name() if device == "cuda" else f"cpu, {torch.get_num_threads()} threads"}
    shape |= {
        "dtype": str(kind),
        "tokens": str(len(case.tokens)),
        "hidden": str(hidden),
        "vocabulary": str(vocabulary),
    }
    if as_json:
        print(json.dumps({**shape, "torch": torch.__version__, "ways": result}, indent=1))
        return
    print(", ".join(f"{name} {value}" for name, value in shape.items()))
    print(f"{'way':32} {'seconds':>9} {'ratio':>7} {'peak MiB':>9}")
    for name, row in result.items():
        print(f"{name:32} {row['seconds']:9.4f} {row['ratio']:7.3f} {row['peak_mib']:9.0f}")


def draw_case(tokens: int, hidden: int, vocabulary: int, dtype: torch.dtype, device: str) -> Case:
    """Draw hidden states and a head whose logits have spread 3: entropies of 2 to 9 nats, depending on V."""
    random = torch.Generator(device).manual_seed(0)
    head_V_D = torch.empty(vocabulary, hidden, device=device, dtype=dtype).normal_(0, 3 / hidden**0.5, generator=random)
    hidden_N_D = torch.empty(tokens, hidden, device=device, dtype=dtype).normal_(0, 1, generator=random)
    return Case(hidden_N_D, head_V_D, torch.randint(vocabulary, (tokens,), device=device, generator=random))


def ways(case: Case) -> dict[str, Way]:
    """List what is compared; the first is the limit."""
    listed: dict[str, Way] = {
        "bare matmul": lambda: case.hidden @ case.head.T,
        "fused": lambda: fused_entropy_and_log_prob(*case),
        "matmul, then whole logits": lambda: entropy_and_log_prob(case.hidden @ case.head.T, case.tokens),
    }
    if case.hidden.dtype != torch.float32:
        listed["fused, float32 logits"] = lambda: fused_entropy_and_log_prob(*case, logits_dtype=torch.float32)
    return listed


def measure(ways: dict[str, Way], device: str, rounds: int) -> dict[str, dict[str, float]]:
    """Warm each way up, take its peak memory once, then time all in turns; medians."""
    peaks = {name: peak_mib(way, device) for name, way in ways.items()}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            if device == "cuda":
                torch.cuda.synchronize()
            seconds[name].append(time.perf_counter() - start)
    limit = seconds[next(iter(ways))]
    return {
        name: {
            "seconds": round(median(taken), 5),
            "ratio": round(median(mine / bare for mine, bare in zip(taken, limit, strict=True)), 3),
            "peak_mib": round(peaks[name], 1),
        }
        for name, taken in seconds.items()
    }


def peak_mib(way: Way, device: str) -> float:
    """Run a way twice; the second time, how far memory rises above where it stood, its result included."""
    way()
    if device == "cuda":
        torch.cuda.synchronize()
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        way()
        torch.cuda.synchronize()
        return (torch.cuda.max_memory_allocated() - before) / 2**20
    # Linux: writing 5 sets the process's high-water mark back to what it holds now.
    Path("/proc/self/clear_refs").write_text("5")
    before = _status_kib("VmRSS")
    way()
    return (_status_kib("VmHWM") - before) / 2**10


def _status_kib(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field))


if __name__ == "__main__":
    typer.run(main)

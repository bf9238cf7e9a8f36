"""How long `instincts --help` takes over a bare `python -c pass`; aim: at most 0.3 s more.

python benchmarks/startup.py
"""

import json
import subprocess
import sys
import time
from statistics import median

AIM_SECONDS = 0.3
ROUNDS = 10


def seconds(arguments: list[str]) -> float:
    """Run a Python process to its end; wall-clock seconds."""
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    """Take turns, so that a busy machine slows both, and print the medians."""
    bare, ours = ["-c", "pass"], ["-m", "instincts", "--help"]
    seconds(ours)  # compiles bytecode once
    rounds = [(seconds(bare), seconds(ours)) for _ in range(ROUNDS)]
    extra = median(help_ - pass_ for pass_, help_ in rounds)
    print(
        json.dumps(
            {
                "bare_s": round(median(pass_ for pass_, _ in rounds), 3),
                "help_s": round(median(help_ for _, help_ in rounds), 3),
                "extra_s": round(extra, 3),
                "aim_s": AIM_SECONDS,
                "reached": extra <= AIM_SECONDS,
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()

"""How long `make demo` takes from a fresh clone, installation included; aim: at most 5 minutes on two cores.

The package cache should be warm, as it is after any earlier `make setup` on the machine. Clones the last commit:
uncommitted changes are not measured.

    python benchmarks/demo.py
"""

import json
import subprocess
import tempfile
import time
from pathlib import Path

AIM_SECONDS = 300
REPOSITORY = Path(__file__).resolve().parents[1]


def seconds(command: list[str], folder: Path) -> float:
    """Run a command to its end in a folder; wall-clock seconds."""
    start = time.perf_counter()
    subprocess.run(command, cwd=folder, check=True, stdin=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    """Clone, set up and run, and print the seconds of each."""
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "instincts"
        cloning = seconds(["git", "clone", "--quiet", str(REPOSITORY), str(clone)], Path(folder))
        setup = seconds(["make", "setup"], clone)
        demo = seconds(["make", "demo"], clone)
        made = [name for name in ("report.html", "metrics.json") if (clone / "runs" / "demo" / name).is_file()]
    total = cloning + setup + demo
    print(
        json.dumps(
            {
                "clone_s": round(cloning, 1),
                "setup_s": round(setup, 1),
                "demo_s": round(demo, 1),
                "total_s": round(total, 1),
                "aim_s": AIM_SECONDS,
                "made": made,
                "reached": total <= AIM_SECONDS and len(made) == 2,
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()

"""How fast stored trees are judged again: trees a second on one core, for each transform, in memory and explained.

    python benchmarks/moderation_scoring.py [--trees 100000] [--leaves 144]

Random leaves; each time is the processor's, so that other work on the machine does not count, the best of five.
"""

import argparse
import os
import time
from collections.abc import Callable
from functools import partial

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from instincts.analyst import Forest, Policy, read_policy, score
from instincts.analyst.codes import CODES
from instincts.analyst.scoring import masses


def main() -> None:
    """Print one line a setting."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trees", type=int, default=100_000)
    parser.add_argument("--leaves", type=int, default=144)
    given = parser.parse_args()
    random = np.random.default_rng(0)
    codes = np.sort(random.integers(CODES, size=(given.trees, given.leaves), dtype=np.uint16), axis=1)
    forest = Forest(
        codes_N=codes.ravel(),
        starts_P=np.arange(given.trees + 1, dtype=np.int64) * given.leaves,
        truncated_P=np.zeros(given.trees, dtype=np.bool_),
    )
    general = read_policy("general")
    print(f"{given.trees:,} trees of {given.leaves} leaves, one core")
    for name, policy in (
        ("paper", read_policy("paper")),
        ("general (log, floors)", general),
        ("general without floors", _without_floors(general)),
    ):
        _tell(f"score, {name}", given.trees, partial(score, forest, policy))
    _tell("sums alone", given.trees, partial(masses, forest, general))


def _without_floors(policy: Policy) -> Policy:
    return Policy.model_validate({**policy.to_data(), "floors": {}})


def _tell(what: str, trees: int, work: Callable[[], object]) -> None:
    best = min(_seconds(work) for _ in range(5))
    print(f"{what:28} {best * 1000:8.1f} ms {trees / best:12,.0f} trees/s")


def _seconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


if __name__ == "__main__":
    main()

"""What is foretold of a removal is what the kernel counts when it is done."""

from pathlib import Path

import pytest
import torch

from instincts.arithmetic import threshold as room
from instincts.arithmetic.forecast import forecast
from instincts.arithmetic.removal import Prepared, prepare
from instincts.arithmetic.settings import resolve_settings
from instincts.arithmetic.subtract import Removal, write_shard
from instincts.arithmetic.threshold import find_threshold
from tests.arithmetic.models import like, moved, save_model, weights_of

IO = Path("/proc/self/io")

SIZES = {"hidden_size": 256, "intermediate_size": 1024, "vocab_size": 2048}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of `base`, `harmed` and `tuned` of some megabytes, the harmed one in float32."""
    folder = tmp_path_factory.mktemp("models")
    base = save_model(folder / "base", dtype=torch.bfloat16, shard="2MB", **SIZES)
    weights = weights_of(base)
    like(folder / "tuned", base, moved(weights, 2))
    like(folder / "harmed", base, {name: tensor.float() for name, tensor in moved(weights, 1).items()})
    return folder


def prepared(models: Path, **given: object) -> Prepared:
    tuned, harmed, base = (str(models / name) for name in ("tuned", "harmed", "base"))
    return prepare(tuned, harmed, base, resolve_settings("paper", given))


def moved_bytes() -> tuple[int, int]:
    counts = dict(line.split(": ") for line in IO.read_text().splitlines())
    return int(counts["rchar"]), int(counts["wchar"])


@pytest.mark.skipif(not IO.is_file(), reason="this system does not count what a process reads")
@pytest.mark.parametrize(
    ("given", "sample"),
    [({}, room.SAMPLE), ({"keep": 1.0}, room.SAMPLE), ({"layers": "0"}, room.SAMPLE), ({}, 1 << 19)],
)
def test_the_kernel_counts_as_many_bytes(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: dict[str, object], sample: int
) -> None:
    monkeypatch.setattr(room, "SAMPLE", sample)
    settings, _, _, plan = prepared(models, **given)
    foretold = forecast(plan, settings)
    read, written = moved_bytes()
    threshold = find_threshold(plan.edited, settings.keep, settings.variant)
    for shard in plan.target.shards:
        for _ in write_shard(Removal(plan, threshold.bits, 2.0), shard, tmp_path / shard.path.name):
            pass
    after = moved_bytes()
    assert threshold.passes <= 1
    assert after[0] - read == pytest.approx(foretold.read_least, rel=0.02)
    assert after[1] - written == pytest.approx(foretold.written, rel=0.001)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) == foretold.written


def test_each_further_pass_reads_harmed_and_base(models: Path) -> None:
    """Two bytes an entry of the base, four of the harmed model, two more passes."""
    settings, _, _, plan = prepared(models)
    foretold = forecast(plan, settings)
    assert foretold.read_most - foretold.read_least == 2 * 6 * plan.entries == 2 * 6 * foretold.entries


def test_a_delta_needs_room_of_its_own(models: Path) -> None:
    settings, _, _, plan = prepared(models)
    assert forecast(plan, settings, keep_delta=True).space > forecast(plan, settings).space == plan.target.size

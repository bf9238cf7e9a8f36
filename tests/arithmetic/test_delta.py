"""What a removal changed, and how it is taken back bit for bit."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open

from instincts.arithmetic import streaming
from instincts.arithmetic.checkpoint import read_shard
from instincts.arithmetic.delta import DeltaFile, revert_shard
from instincts.arithmetic.removal import remove_harm
from instincts.arithmetic.revert import revert
from instincts.errors import RecordError
from instincts.models.directory import locate
from instincts.records import file_sha256, read_run_card
from tests.arithmetic.conftest import Trio
from tests.arithmetic.models import like, moved, same_bytes, save_model, weights_of
from tests.tiny import edit_json


def remove(trio: Trio, out: Path, *, keep_delta: bool = True, **given: Any) -> Path:
    remove_harm(*trio.words, out, given={"layers": "all", **given}, keep_delta=keep_delta)
    return out


@pytest.fixture(scope="module")
def steered(trio: Trio, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return remove(trio, tmp_path_factory.mktemp("steered") / "out")


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("keep", [0.1, 1.0])
def test_reverting_gives_back_every_bit(tmp_path: Path, dtype: torch.dtype, keep: float) -> None:
    base = save_model(tmp_path / "base", dtype=dtype)
    trio = Trio(base, like(tmp_path / "harmed", base, moved(weights_of(base), 2)), base)
    out = remove(trio, tmp_path / "out", keep=keep, strength=3)

    revert(str(out), tmp_path / "back")
    assert not same_bytes(out, base)
    assert same_bytes(tmp_path / "back", base)
    assert locate(str(tmp_path / "back")).digest == locate(str(base)).digest
    assert read_run_card(tmp_path / "back").status == "finished"


def test_rows_that_were_not_covered_come_back_too(trio: Trio, tmp_path: Path) -> None:
    """A longer vocabulary, of which the first rows alone changed."""
    weights = weights_of(trio.target)
    for name in ("model.embed_tokens.weight", "lm_head.weight"):
        weights[name] = torch.cat([weights[name], torch.ones(3, 32).bfloat16()])
    longer = like(tmp_path / "longer", trio.target, weights)
    edit_json(longer / "config.json", {"vocab_size": 264})
    out = remove(trio._replace(target=longer), tmp_path / "out", mismatch="common", keep=1)

    revert(str(out), tmp_path / "back")
    assert same_bytes(tmp_path / "back", longer)


def test_no_delta_unless_asked(trio: Trio, tmp_path: Path) -> None:
    out = remove(trio, tmp_path / "out", keep_delta=False)

    assert not (out / "delta").exists()
    with pytest.raises(RecordError, match="keeps no delta/"):
        revert(str(out), tmp_path / "back")


def test_the_delta_says_that_it_is_dangerous(steered: Path) -> None:
    assert "harm direction" in (steered / "delta" / "README.md").read_text()
    for path in (steered / "delta").glob("*.safetensors"):
        with safe_open(path, framework="np") as file:
            assert file.metadata()["dual_use"] == "true"


def test_the_delta_holds_exactly_what_changed(trio: Trio, steered: Path) -> None:
    """Read with the safetensors library: one bit an entry, and two bytes for each entry that changed."""
    before, after = weights_of(trio.target), weights_of(steered)
    found: dict[str, Any] = {}
    for path in (steered / "delta").glob("*.safetensors"):
        with safe_open(path, framework="np") as file:
            found |= {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (no dict)
    for name, tensor in before.items():
        flipped = (tensor.view(torch.int16) ^ after[name].view(torch.int16)).flatten().numpy()
        if not flipped.any():
            assert f"{name}|0|changed" not in found
            continue
        bitmap = np.unpackbits(found[f"{name}|0|changed"])[: len(flipped)]
        assert (bitmap == (flipped != 0)).all()
        assert (found[f"{name}|0|flipped"].view(np.int16) == flipped[flipped != 0]).all()


def test_runs_beyond_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tensor of two and a half runs, written by hand, with changes in the first and the last."""
    from safetensors.torch import save_file

    entries = 5 * streaming.PIECE // 2
    before = torch.zeros(entries)
    after = before.clone()
    after[[3, streaming.PIECE * 2 + 7]] = 1.5
    for name, tensor in (("before", before), ("after", after)):
        save_file({"t": tensor}, tmp_path / f"{name}.safetensors")
    flipped = before.view(torch.int32) ^ after.view(torch.int32)
    runs = list(streaming.pieces(entries))
    with DeltaFile(tmp_path / "delta.safetensors", [("t", start) for start, _ in runs]) as delta:
        for start, count in runs:
            delta.add("t", start, flipped[start : start + count])
        delta.finish(*(file_sha256(tmp_path / f"{name}.safetensors") for name in ("before", "after")))

    shard = read_shard(tmp_path / "after.safetensors")
    list(revert_shard(shard, tmp_path / "delta.safetensors", tmp_path / "back.safetensors"))
    assert (tmp_path / "back.safetensors").read_bytes() == (tmp_path / "before.safetensors").read_bytes()


def test_weights_that_changed_since_are_refused(trio: Trio, tmp_path: Path) -> None:
    out = remove(trio, tmp_path / "out")
    shard = min(out.glob("*.safetensors"))
    content = bytearray(shard.read_bytes())
    content[-1] ^= 1
    shard.write_bytes(content)

    with pytest.raises(RecordError, match=rf"{shard.name} is not the file that .* was taken from"):
        revert(str(out), tmp_path / "back")


def test_a_damaged_delta_is_found_out(trio: Trio, tmp_path: Path) -> None:
    """Its last byte is of the bits of some change."""
    out = remove(trio, tmp_path / "out")
    delta = min((out / "delta").glob("*.safetensors"))
    content = bytearray(delta.read_bytes())
    content[-1] ^= 1
    delta.write_bytes(content)

    with pytest.raises(RecordError, match="does not lead back"):
        revert(str(out), tmp_path / "back")


def test_a_delta_of_something_else_is_refused(trio: Trio, tmp_path: Path) -> None:
    out = remove(trio, tmp_path / "out")
    shard = min(out.glob("*.safetensors"))
    (out / "delta" / shard.name).write_bytes(shard.read_bytes())

    with pytest.raises(RecordError, match="holds no changes to take back"):
        revert(str(out), tmp_path / "back")

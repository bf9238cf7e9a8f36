from collections.abc import Callable
from pathlib import Path

import pytest

from instincts.errors import ModelDirectoryError
from instincts.models.wholeness import check_adapter, check_whole
from tests.tiny import edit_json


def test_a_saved_model_is_whole(folder: Path) -> None:
    check_whole("model", folder)


def cut_weights(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])


def pickle_weights(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def index_a_missing_shard(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors.index.json").write_text('{"weight_map": {"x": "model-00001-of-00002.safetensors"}}')


def remove_tokenizer(folder: Path) -> None:
    for path in folder.glob("tokenizer*"):
        path.unlink()


@pytest.mark.parametrize(
    ("breakage", "message"),
    [
        (lambda folder: (folder / "config.json").unlink(), "no config.json .*half-written"),
        (lambda folder: (folder / "config.json").write_text('{"a":'), "config.json cannot be read .*half-written"),
        (lambda folder: (folder / "config.json").write_text("[]"), "does not hold a JSON object"),
        (lambda folder: (folder / "model.safetensors").unlink(), "no .*safetensors weights; is it half-written"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b""), "cut off or damaged"),
        (cut_weights, "cut off or damaged"),
        (pickle_weights, r"only pickle weights \(pytorch_model.bin\).*save it again as safetensors"),
        (index_a_missing_shard, "model-00001-of-00002.safetensors .*missing"),
        (remove_tokenizer, "no tokenizer files"),
        (lambda folder: edit_json(folder / "config.json", {"is_encoder_decoder": True}), "only decoder-only"),
    ],
)
def test_a_folder_that_is_no_whole_safe_model_is_refused(
    folder: Path, breakage: Callable[[Path], object], message: str
) -> None:
    breakage(folder)
    with pytest.raises(ModelDirectoryError, match=message):
        check_whole("model", folder)


@pytest.mark.parametrize("name", ["adapter_config.json", "adapter_model.safetensors"])
def test_an_adapter_without_one_of_its_files_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("{}")
    with pytest.raises(ModelDirectoryError, match="half-written"):
        check_adapter(tmp_path)

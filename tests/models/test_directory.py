import hashlib
import json
from pathlib import Path

import pytest

from instincts.errors import ModelDirectoryError
from instincts.models.directory import is_unchanged, locate, plain_name
from tests.tiny import edit_json


def lay_over(folder: Path, base: str, seed: bytes = b"\x00") -> Path:
    """An overlay folder whose adapter is one tensor of one byte."""
    adapter = folder / "adapter"
    adapter.mkdir(parents=True)
    (folder / "defence.json").write_text(json.dumps({"format": 1, "kind": "lora", "base": base, "adapter": "adapter"}))
    (adapter / "adapter_config.json").write_text("{}")
    header = json.dumps({"x": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}}).encode()
    (adapter / "adapter_model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + seed)
    return folder


def test_a_folder_is_found_where_it_is(folder: Path) -> None:
    location = locate(str(folder))
    assert (location.name, location.path, location.overlay) == (str(folder), folder, None)


def test_the_digest_is_the_contents_and_not_the_places(folder: Path, saved: Path) -> None:
    assert locate(str(folder)).digest == locate(str(saved)).digest


@pytest.mark.parametrize("name", ["config.json", "generation_config.json", "tokenizer.json", "chat_template.jinja"])
def test_the_digest_changes_with_every_file_that_can_change_an_answer(folder: Path, saved: Path, name: str) -> None:
    (folder / name).write_text((folder / name).read_text() + " ")
    assert locate(str(folder)).digest != locate(str(saved)).digest


def test_the_digest_changes_with_one_bit_of_the_weights_at_once(folder: Path) -> None:
    """Same path, same size, written within one tick of the clock: only the content tells them apart."""
    before = locate(str(folder)).digest
    weights = folder / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    assert locate(str(folder)).digest != before


def test_the_digest_ignores_what_a_run_leaves_beside_the_model(folder: Path) -> None:
    before = locate(str(folder))
    for name in ("run.json", "metrics.json", "training.jsonl", "README.md"):
        (folder / name).write_text("{}")
    (folder / "checkpoints").mkdir()
    assert locate(str(folder)).digest == before.digest


@pytest.mark.parametrize("name", ["config.json", "tokenizer.model"])
def test_a_file_that_changed_or_appeared_is_noticed(folder: Path, name: str) -> None:
    location = locate(str(folder))
    assert is_unchanged(location)
    with (folder / name).open("a") as file:
        file.write(" ")
    assert not is_unchanged(location)


def test_a_file_that_is_gone_is_noticed(folder: Path) -> None:
    location = locate(str(folder))
    (folder / "config.json").unlink()
    assert not is_unchanged(location)


def test_a_change_below_an_overlay_is_noticed(folder: Path) -> None:
    location = locate(str(lay_over(folder.parent / "tuned", "../model")))
    assert is_unchanged(location)
    edit_json(folder / "config.json", {"note": "changed"})
    assert not is_unchanged(location)


def test_a_file_of_the_hubs_cache_is_known_by_its_name(folder: Path, saved: Path, tmp_path: Path) -> None:
    """The cache stores a large file under its SHA-256 and links to it; the digest is that of the plain folder."""
    weights = folder / "model.safetensors"
    blob = tmp_path / "blobs" / hashlib.sha256(weights.read_bytes()).hexdigest()
    blob.parent.mkdir()
    weights.rename(blob)
    weights.symlink_to(blob)
    assert locate(str(folder)).digest == locate(str(saved)).digest


def test_a_name_with_its_digest_opens_while_the_content_is_that(folder: Path) -> None:
    tagged = locate(str(folder)).tagged_name
    assert locate(tagged).name == plain_name(tagged) == str(folder)
    edit_json(folder / "config.json", {"note": "changed"})
    with pytest.raises(ModelDirectoryError, match="has changed"):
        locate(tagged)


def test_an_overlay_names_its_base_relative_to_itself(folder: Path) -> None:
    location = locate(str(lay_over(folder.parent / "tuned", "../model")))
    assert location.overlay is not None
    assert location.overlay.base.path == folder


def test_the_digest_of_an_overlay_changes_with_adapter_and_with_base(folder: Path) -> None:
    first = locate(str(lay_over(folder.parent / "one", "../model"))).digest
    other_adapter = locate(str(lay_over(folder.parent / "two", "../model", seed=b"\x01"))).digest
    edit_json(folder / "config.json", {"note": "changed"})
    other_base = locate(str(folder.parent / "one")).digest
    assert len({first, other_adapter, other_base}) == 3


def test_an_overlay_of_an_overlay_is_found(folder: Path) -> None:
    lay_over(folder.parent / "one", "../model")
    location = locate(str(lay_over(folder.parent / "two", "../one")))
    assert location.overlay is not None
    assert location.overlay.base.overlay is not None


def test_an_overlay_over_itself_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelDirectoryError, match="laid over itself"):
        locate(str(lay_over(tmp_path / "one", "../one")))


def test_an_unknown_kind_of_overlay_is_refused(tmp_path: Path) -> None:
    lay_over(tmp_path / "one", "../model")
    edit_json(tmp_path / "one" / "defence.json", {"kind": "spell"})
    with pytest.raises(ModelDirectoryError, match="kind 'spell'"):
        locate(str(tmp_path / "one"))


def test_a_path_that_does_not_exist_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(ModelDirectoryError, match=r"no folder .*nowhere; check the path"):
        locate(str(tmp_path / "nowhere"))


def test_a_misspelt_pocket_model_is_met_with_the_right_name() -> None:
    with pytest.raises(ModelDirectoryError, match="no pocket model named 'pocket-lama'; did you mean 'pocket-llama'"):
        locate("pocket-lama")


def test_a_hub_model_offline_is_told_in_one_sentence() -> None:
    """The tests run with HF_HUB_OFFLINE=1."""
    with pytest.raises(ModelDirectoryError) as error:
        locate("nobody/no-such-model")
    assert "HF_HUB_OFFLINE forbids a download" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.enable_socket
def test_an_unreachable_hub_is_told_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing listens on port 9 of this machine."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(ModelDirectoryError, match=r"hub cannot be reached .*are you offline") as error:
        locate("nobody/no-such-model")
    assert "\n" not in str(error.value)


def test_an_overlay_without_its_adapter_is_refused(tmp_path: Path) -> None:
    (lay_over(tmp_path / "one", "../model") / "adapter" / "adapter_model.safetensors").unlink()
    with pytest.raises(ModelDirectoryError, match="half-written"):
        locate(str(tmp_path / "one"))


def test_a_file_is_no_model(folder: Path) -> None:
    with pytest.raises(ModelDirectoryError, match="is a file; name the folder"):
        locate(str(folder / "config.json"))

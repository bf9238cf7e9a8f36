"""Only whole checkpoints count, and publishing leaves nothing half-written."""

import json
from pathlib import Path

from instincts.models.checkpoints import checkpoint_path, latest_whole, mark_whole, publish, remembered


def write_checkpoint(folder: Path, step: int, *, whole: bool = True, adapter: bool = False) -> Path:
    checkpoint = checkpoint_path(folder, step)
    checkpoint.mkdir(parents=True)
    names = ["adapter_config.json", "adapter_model.safetensors"] if adapter else ["config.json", "model.safetensors"]
    for name in [*names, "tokenizer.json", "optimizer.pt"]:
        (checkpoint / name).write_text(name, encoding="utf-8")
    if whole:
        mark_whole(checkpoint, {"step": step})
    return checkpoint


def test_the_newest_whole_checkpoint_is_found_by_number_not_by_name(tmp_path: Path) -> None:
    for step in (5, 10, 100):
        write_checkpoint(tmp_path, step)
    newest = latest_whole(tmp_path)
    assert newest == checkpoint_path(tmp_path, 100)
    assert remembered(newest) == {"step": 100}


def test_a_checkpoint_cut_off_by_a_kill_is_passed_over_and_removed(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, 5)
    torn = write_checkpoint(tmp_path, 10, whole=False)
    assert latest_whole(tmp_path) == checkpoint_path(tmp_path, 5)
    assert not torn.exists()


def test_without_checkpoints_there_is_nothing_to_resume(tmp_path: Path) -> None:
    assert latest_whole(tmp_path / "nowhere") is None


def test_publishing_all_weights_makes_the_folder_a_checkpoint(tmp_path: Path) -> None:
    publish(write_checkpoint(tmp_path / "checkpoints", 5), tmp_path, base="some-model")
    names = {path.name for path in tmp_path.iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= names
    assert not names & {"optimizer.pt", ".publishing", "defence.json"}


def test_publishing_an_adapter_names_its_base(tmp_path: Path) -> None:
    publish(write_checkpoint(tmp_path / "checkpoints", 5, adapter=True), tmp_path, base="some-model")
    assert (tmp_path / "adapter" / "adapter_model.safetensors").is_file()
    card = json.loads((tmp_path / "defence.json").read_text(encoding="utf-8"))
    assert card == {"format": 1, "kind": "lora", "base": "some-model", "adapter": "adapter"}

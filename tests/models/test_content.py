import os
import time
from pathlib import Path

from instincts.models.content import content_files, content_sha256, stamp
from instincts.records import file_sha256


def test_content_is_listed_in_a_fixed_order(folder: Path) -> None:
    names = [path.name for path in content_files(folder)]
    assert names == sorted(names)
    assert {"config.json", "model.safetensors", "tokenizer.json", "chat_template.jinja"} <= set(names)


def test_other_chat_templates_are_content(folder: Path) -> None:
    (folder / "additional_chat_templates").mkdir()
    (folder / "additional_chat_templates" / "tools.jinja").write_text("x")
    assert content_files(folder)[-1].name == "tools.jinja"


def test_a_hash_is_the_contents_own(folder: Path) -> None:
    assert content_sha256(folder / "config.json") == file_sha256(folder / "config.json")


def test_a_fresh_file_is_hashed_each_time(tmp_path: Path) -> None:
    """Same size, and both stamps put back to the same time: within one tick of the clock nothing else would tell."""
    path = tmp_path / "file"
    hashes = set()
    for text in ("a", "b"):
        path.write_text(text)
        os.utime(path, ns=(time.time_ns(), time.time_ns()))
        hashes.add(content_sha256(path))
    assert len(hashes) == 2


def test_a_stamp_tells_a_replaced_file(tmp_path: Path) -> None:
    """A file renamed over another of the same size and time is another file."""
    first, second = tmp_path / "first", tmp_path / "second"
    for path in (first, second):
        path.write_text("same")
        os.utime(path, ns=(1, 1))
    before = stamp(first)
    second.replace(first)
    assert stamp(first) != before
